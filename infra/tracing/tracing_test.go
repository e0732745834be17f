package tracing

import (
	"context"
	"strings"
	"testing"
)

func TestItIsOffUnlessTheStandardVariablesSayOtherwise(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		on   bool
		fail string
	}{
		{env: nil},
		{env: map[string]string{"OTEL_SERVICE_NAME": "x"}},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, on: true},
		{env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, on: true},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, on: true},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}},
		{env: map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "jaeger"}, fail: "only otlp and none"},
		{env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, fail: "http/protobuf"},
	} {
		on, err := wanted(func(name string) string { return tt.env[name] })
		if on != tt.on || (err == nil) != (tt.fail == "") || (err != nil && !strings.Contains(err.Error(), tt.fail)) {
			t.Errorf("%v: on is %v, %v", tt.env, on, err)
		}
	}
}

func TestOffIsFree(t *testing.T) {
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { off(ctx) }); n != 0 {
		t.Errorf("%v allocations for a span that nobody wants", n)
	}
}

func off(ctx context.Context) {
	ctx, end := Span(ctx, "merge")
	defer end()
	_ = Parent(ctx)
}

// The figure that matters is ns/op: what each of the twenty-odd spans of a put costs who does not trace.
func BenchmarkOff(b *testing.B) {
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		off(ctx)
	}
}

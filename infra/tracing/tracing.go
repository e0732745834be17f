// Package tracing shows where the time from a put to gold goes, as OpenTelemetry spans. It is off unless the standard
// environment variables name a collector; it costs one comparison with nil then. The id of an object's trace follows from the
// object's event, so every program and every reactor arrives at the same one without telling each other.
package tracing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// tracer is nil while tracing is off.
var tracer atomic.Pointer[tracers]

type tracers struct{ api.Tracer }

// On reports whether spans go anywhere. Ask it before working out what only a span needs.
func On() bool { return tracer.Load() != nil }

// Start switches tracing on if the environment names a collector. stop sends the spans that are left and switches it off.
//
// OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) is the collector's OTLP/HTTP address,
// OTEL_TRACES_EXPORTER=otlp means the one at its default address; OTEL_TRACES_EXPORTER=none and OTEL_SDK_DISABLED=true mean off.
// The SDK itself reads the standard's other variables: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_…
func Start(ctx context.Context, service string) (stop func(context.Context) error, err error) {
	off := func(context.Context) error { return nil }
	wanted, err := wanted(os.Getenv)
	if err != nil || !wanted {
		return off, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return off, fmt.Errorf("set up tracing (OTEL_EXPORTER_OTLP_…): %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", service)), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return off, errors.Join(fmt.Errorf("set up tracing (OTEL_RESOURCE_ATTRIBUTES): %w", err), exporter.Shutdown(ctx))
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about), trace.WithIDGenerator(ids{}))
	tracer.Store(&tracers{provider.Tracer("millrace")})
	return func(ctx context.Context) error {
		tracer.Store(nil)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second) // a collector that hangs must not hold up the end
		defer cancel()
		return provider.Shutdown(ctx)
	}, nil
}

// wanted reports whether the environment asks for tracing.
func wanted(env func(string) string) (bool, error) {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	endpoint := env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	switch exporter := env("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "":
		if !endpoint {
			return false, nil
		}
	case "otlp":
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: only otlp and none are known here; a collector turns otlp into anything else", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := env(name); protocol != "" && protocol != "http/protobuf" {
			return false, fmt.Errorf("%s=%s: only http/protobuf is known here, which collectors take on port 4318", name, protocol)
		}
	}
	return true, nil
}

var nothing = func() {}

// Span begins a part of ctx's trace; the function that it returns ends it.
func Span(ctx context.Context, name string, about ...attribute.KeyValue) (context.Context, func()) {
	t := tracer.Load()
	if t == nil {
		return ctx, nothing
	}
	ctx, span := t.Start(ctx, name, api.WithAttributes(about...))
	return ctx, func() { span.End() }
}

// Note adds attributes to the span that ctx is in.
func Note(ctx context.Context, about ...attribute.KeyValue) {
	if On() {
		api.SpanFromContext(ctx).SetAttributes(about...)
	}
}

// Fail marks the span that ctx is in as failed, if err is an error.
func Fail(ctx context.Context, err error) {
	if err != nil && On() {
		api.SpanFromContext(ctx).SetStatus(codes.Error, err.Error())
	}
}

// Serving begins work that several traces wait for. Its span is a part of the first trace and linked with the others; parents
// are their traceparents.
func Serving(ctx context.Context, name string, parents []string, about ...attribute.KeyValue) (context.Context, func()) {
	t := tracer.Load()
	if t == nil {
		return ctx, nothing
	}
	options := []api.SpanStartOption{api.WithAttributes(about...)}
	for i, parent := range parents {
		if i == 0 {
			ctx = within(ctx, parent)
			continue
		}
		if link := api.SpanContextFromContext(within(ctx, parent)); link.IsValid() {
			options = append(options, api.WithLinks(api.Link{SpanContext: link}))
		}
	}
	ctx, span := t.Start(ctx, name, options...)
	return ctx, func() { span.End() }
}

// Part is a part of a trace that is over.
type Part struct {
	Name     string
	From, To time.Time
	Linked   string // traceparent of the span that did its work, when that is another one; else empty
}

// Past adds a part to the trace of a traceparent and returns the part's own traceparent.
func Past(parent string, p Part, about ...attribute.KeyValue) string {
	t := tracer.Load()
	if t == nil {
		return ""
	}
	options := []api.SpanStartOption{api.WithAttributes(about...), api.WithTimestamp(p.From)}
	if link := api.SpanContextFromContext(within(context.Background(), p.Linked)); link.IsValid() {
		options = append(options, api.WithLinks(api.Link{SpanContext: link}))
	}
	ctx, span := t.Start(within(context.Background(), parent), p.Name, options...)
	span.End(api.WithTimestamp(p.To))
	return Parent(ctx)
}

// Parent returns the traceparent of the span that ctx is in, "" outside of any.
func Parent(ctx context.Context) string {
	if !On() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// within returns ctx inside the span that a traceparent names.
func within(ctx context.Context, parent string) context.Context {
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// Root returns the traceparent of the span that begins an object's trace; id is the event's (at least 48 hexadecimal digits). If
// the program that put the object has told its own traceparent, as parent, the span is a part of that trace.
func Root(id, parent string) string {
	if !On() || len(id) < 48 {
		return ""
	}
	traceID := id[:32]
	if p := api.SpanContextFromContext(within(context.Background(), parent)); p.IsValid() {
		traceID = p.TraceID().String()
	}
	return "00-" + traceID + "-" + id[32:48] + "-01"
}

// Begin adds the root span itself, whose name Root gives: from the put to the moment at which somebody knew of it. Two calls
// with the same root make one span in every collector that goes by ids.
func Begin(root, parent string, p Part, about ...attribute.KeyValue) {
	t := tracer.Load()
	own := api.SpanContextFromContext(within(context.Background(), root))
	if t == nil || !own.IsValid() {
		return
	}
	ctx := context.WithValue(within(context.Background(), parent), ownIDs{}, own)
	_, span := t.Start(ctx, p.Name, api.WithAttributes(about...), api.WithTimestamp(p.From))
	span.End(api.WithTimestamp(p.To))
}

// TraceID returns the id of the trace that a traceparent belongs to, in hexadecimal; "" for none.
func TraceID(parent string) string {
	if c := api.SpanContextFromContext(within(context.Background(), parent)); c.IsValid() {
		return c.TraceID().String()
	}
	return ""
}

// ownIDs is the context key of ids that a span is to have.
type ownIDs struct{}

// ids gives a span the ids that its context asks for, and else random ones.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (api.TraceID, api.SpanID) {
	if own, ok := ctx.Value(ownIDs{}).(api.SpanContext); ok {
		return own.TraceID(), own.SpanID()
	}
	var t api.TraceID
	_, _ = rand.Read(t[:]) // never fails
	return t, ids{}.NewSpanID(ctx, t)
}

func (ids) NewSpanID(ctx context.Context, _ api.TraceID) (s api.SpanID) {
	if own, ok := ctx.Value(ownIDs{}).(api.SpanContext); ok {
		return own.SpanID()
	}
	_, _ = rand.Read(s[:])
	return s
}

// Package observe_test holds what an operator sees to what happens: traces, metrics, dashboards and alerts.
package observe_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is one that a program sent.
type span struct {
	service, trace, id, parent, name string
	from, to                         uint64 // ns
	links                            []string
	about                            map[string]string
}

// receiver is an OpenTelemetry collector that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []span
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || q.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			t.Errorf("a collector got %s %s: %v", q.Method, q.URL.Path, err)
			http.Error(w, "no trace", http.StatusBadRequest)
			return
		}
		r.take(&request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(request *collector.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				got := span{service, hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId), s.Name,
					s.StartTimeUnixNano, s.EndTimeUnixNano, nil, map[string]string{}}
				for _, l := range s.Links {
					got.links = append(got.links, hex.EncodeToString(l.SpanId))
				}
				for _, a := range s.Attributes {
					got.about[a.Key] = a.Value.GetStringValue()
				}
				r.spans = append(r.spans, got)
			}
		}
	}
}

// trace finds the trace that has the object's put, and returns its spans.
func (r *receiver) trace(key string) []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := ""
	for _, s := range r.spans {
		if s.about["millrace.key"] == key && (s.name == "put" || s.name == "publish") {
			id = s.trace
		}
	}
	var own []span
	for _, s := range r.spans {
		if id != "" && s.trace == id {
			own = append(own, s)
		}
	}
	return own
}

// Package health is the reactor's HTTP surface. It answers whether the reactor is alive and ready and what it measures, and holds
// every request, to whatever else is mounted beside that, to the same rules: this machine's own names, no other origin, a body and
// a pace within limits. It listens on loopback unless told otherwise, and changes nothing itself.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server answers /healthz, /readyz and /metrics, and what Routes has.
type Server struct {
	// Parts returns what the reactor needs, each with the reason why it cannot be used now.
	Parts func(context.Context) []Part
	// Registry holds what /metrics shows.
	Registry *prometheus.Registry
	// Routes are mounted beside them, by pattern, such as /iceberg/.
	Routes map[string]Route
}

// Serve answers on the listener until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: onlyFor(l.Addr(), s.mux()), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: patience,
		WriteTimeout: answerWithin, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ending) // a slow reader of metrics does not hold up the end
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}

func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	started := time.Now()
	own := func(path string, h http.Handler) {
		mux.Handle("GET "+path, Route{Handler: h}.limited())
		// Or a route of everything, such as the console's, would answer that there is no such page.
		mux.Handle(path, Route{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "this address is only read")
		})}.limited())
	}
	own("/healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { health(w, started) }))
	own("/readyz", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { readiness(w, s.Parts(r.Context())) }))
	own("/metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{
		// One figure that cannot be had must not cost all others, least of all while something is wrong.
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}))
	for pattern, route := range s.Routes {
		mux.Handle(pattern, route.limited())
	}
	return mux
}

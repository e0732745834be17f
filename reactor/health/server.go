// Package health is the reactor's HTTP surface. It answers whether the reactor is alive and ready and what it measures. It
// listens on loopback unless told otherwise, and changes nothing.
package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// readTimeout ends the connection of a client that sends its request byte by byte.
	readTimeout = 10 * time.Second
	// maxBody limits the body of a request; nothing here needs one.
	maxBody = 64 << 10
)

// Server answers /healthz, /readyz and /metrics.
type Server struct {
	// Parts returns what the reactor needs, each with the reason why it cannot be used now.
	Parts func(context.Context) []Part
	// Registry holds what /metrics shows.
	Registry *prometheus.Registry
}

// Serve answers on the listener until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	started := time.Now()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, started) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { readiness(w, s.Parts(r.Context())) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}))
	server := &http.Server{
		Handler: http.MaxBytesHandler(onlyFor(l.Addr(), mux), maxBody), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: readTimeout,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
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

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the other side may have gone
}

// onlyFor refuses requests of other origins, and requests that a web page made a browser send to a loopback address under
// a name of its own (DNS rebinding).
func onlyFor(addr net.Addr, next http.Handler) http.Handler {
	own := addr.(*net.TCPAddr).AddrPort().Addr()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		ip, err := netip.ParseAddr(host)
		named := host == "localhost" || (err == nil && (!own.IsLoopback() || ip.IsLoopback()))
		if !named && own.IsLoopback() {
			answer(w, http.StatusForbidden, "this address is only for this machine")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
			answer(w, http.StatusForbidden, "requests from other origins are refused")
			return
		}
		next.ServeHTTP(w, r)
	})
}

package health

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Route is what else answers at the address, below a pattern of http.ServeMux.
type Route struct {
	Handler http.Handler
	// MaxBody limits the body of a request in bytes (default: 64 KiB), and Patience how long the client may take to send it
	// (default: 10 s). The answer may take half a minute more.
	MaxBody  int64
	Patience time.Duration
}

const (
	// patience ends the connection of a client that sends its request byte by byte.
	patience = 10 * time.Second
	// answerWithin ends the connection of a client that reads its answer byte by byte.
	answerWithin = 30 * time.Second
	// maxBody limits the body of a request.
	maxBody = 64 << 10
)

// limited holds a route's requests to its limits. A body that says that it is too large is not read at all; one that does not say
// so is cut off where the limit is, and reading it fails with an *http.MaxBytesError.
func (r Route) limited() http.Handler {
	if r.MaxBody == 0 {
		r.MaxBody = maxBody
	}
	if r.Patience == 0 {
		r.Patience = patience
	}
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.ContentLength > r.MaxBody {
			w.Header().Set("Connection", "close") // or the server would read the rest, to use the connection again
			answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request's body has %d bytes; here it may have %d", q.ContentLength, r.MaxBody))
			return
		}
		q.Body = http.MaxBytesReader(w, q.Body, r.MaxBody)
		now, deadlines := time.Now(), http.NewResponseController(w)
		_ = deadlines.SetReadDeadline(now.Add(r.Patience)) // a writer that knows none, of a test, has none
		_ = deadlines.SetWriteDeadline(now.Add(r.Patience + answerWithin))
		r.Handler.ServeHTTP(w, q)
	})
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

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the other side may have gone
}

// Package web is what the console's pages have in common: the frame around them, their JSON, streams of live parts, errors for
// people, and the files of the browser. It knows nothing of the lake.
package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

var (
	//go:embed layout.html problem.html done.html
	markup embed.FS
	//go:embed static
	static embed.FS
)

// Item is an entry of the navigation.
type Item struct{ Name, Path string }

// Site is the console as a whole. Make it with New, add pages with Show, then serve it.
type Site struct {
	Log *slog.Logger
	// Gate tells whose token a text is.
	Gate Gate
	// Links are pages of other programs, such as Airflow's; they are asked for anew for each page (default: none).
	Links func() []Item
	// Synthetic tells whether the prices of the lake are made up: each page says so then (default: they are not).
	Synthetic func(context.Context) bool

	mux           *http.ServeMux
	packed        http.Handler // the mux
	items         []Item
	routes        []route
	actions       []string
	sessions      sessions
	problem, done *template.Template
}

// New makes a site without pages.
func New(log *slog.Logger, gate Gate, items []Item) *Site {
	s := &Site{Log: log, Gate: gate, mux: http.NewServeMux(), items: items, problem: Parse(markup, nil, "problem.html"), done: Parse(markup, nil, "done.html")}
	s.packed = packed(s.mux)
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is embedded
	}
	s.mux.Handle("GET /static/", cached(http.StripPrefix("/static", http.FileServerFS(files))))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, NotFound("there is no page %s", r.URL.Path))
	})
	s.mux.HandleFunc("GET "+api+"/openapi.json", s.document)
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		s.FailJSON(w, r, NotFound("there is nothing at %s", r.URL.Path))
	})
	return s
}

// Handle adds an address that is no view, such as a stream. It panics for one below /api/, where all that answers is described: that is
// a View without markup.
func (s *Site) Handle(pattern string, h http.Handler) {
	if strings.Contains(pattern, "/api/") {
		panic(pattern + " is JSON: add it as a View")
	}
	s.mux.Handle(pattern, h)
}

// Origin is the address at which a browser has reached the console, http://127.0.0.1:8088.
func Origin(r *http.Request) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host
}

// policy lets a page load its own files and nothing else: data that looks like markup or a script stays text. %s is for the styles
// that the SQL editor makes for itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type nonceKey struct{}

func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, nonce := w.Header(), rand.Text()
	r = r.WithContext(context.WithValue(r.Context(), nonceKey{}, nonce))
	h.Set("Content-Security-Policy", fmt.Sprintf(policy, nonce))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.ContentLength == 0 {
		received(w)
	}
	if s.enter(w, r) {
		return
	}
	err := errors.Join(s.mayLook(r), sameSite(r))
	switch {
	case err == nil:
		s.packed.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/api/"):
		s.FailJSON(w, r, err)
	default:
		s.fail(w, r, err)
	}
}

// received tells the server that a request has been read. Its deadline for reading, ten seconds, would otherwise end the context of an
// answer that takes longer: a query of twelve seconds, or a download.
func received(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a writer without deadlines has none to take away
}

// packed makes answers small where the browser takes it so: the SQL page's editor is 448 kB, and 154 of them go out. A live part is
// left as it is, because a packer holds back what is short. The random padding hides how well a form's secret packs beside what the
// address asked for.
func packed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.RandomJitter(32, 0, false), gzhttp.ExceptContentTypes([]string{"text/event-stream"}))
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap(next)
}

// cached lets a browser keep a file for an hour: a page that asks for five files each time would not be there in 300 ms.
func cached(next http.Handler) http.Handler {
	started := time.Now().UTC().Format(http.TimeFormat)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Last-Modified", started) // embedded files have no time of their own
		next.ServeHTTP(w, r)
	})
}

// page is what the frame shows around a page's own data.
type page struct {
	Title   string
	Item    string
	Items   []Item
	Links   []Item
	Command string
	Visitor Visitor
	Nonce   string
	// Synthetic tells that prices are made up.
	Synthetic bool
	Data      any
}

// Parse reads a page's markup and puts the frame around it. It panics on markup that cannot be read: the files are embedded.
// more are functions of the page's own.
func Parse(files fs.FS, more template.FuncMap, names ...string) *template.Template {
	t := template.Must(template.New("layout.html").Funcs(functions).Funcs(more).ParseFS(markup, "layout.html"))
	return template.Must(t.ParseFS(files, names...))
}

// write answers with a page. It is made whole before the first byte goes out, so that an error does not end half of a page.
func (s *Site) write(w http.ResponseWriter, r *http.Request, status int, t *template.Template, p page) {
	p.Items, p.Visitor = s.items, s.sessions.of(r)
	p.Nonce, _ = r.Context().Value(nonceKey{}).(string)
	if s.Links != nil {
		p.Links = s.Links()
	}
	p.Synthetic = s.Synthetic != nil && s.Synthetic(r.Context())
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		s.Log.Error("a page of the console could not be made", "page", p.Title, "error", err)
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the other side may have gone
}

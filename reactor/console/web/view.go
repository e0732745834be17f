package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// View is one page: what it shows, as HTML for people and as JSON for scripts. Both come from the same value.
type View[T any] struct {
	// Path is a pattern of net/http, such as /tables/{table}. The JSON is at /api/v1 + Path.
	Path string
	// Item is the entry of the navigation that the page belongs to.
	Item string
	// About says in a sentence what the JSON is, and Parameters what the address may carry after its question mark.
	About      string
	Parameters []Parameter
	// Read makes what the page shows. An error that is no Problem answers 500.
	Read func(*http.Request) (T, error)
	// Posted tells that parameters may come in the body of a POST as well, because they can be longer than an address may be. It
	// changes nothing all the same, so it needs no token.
	Posted bool
	// Title is the page's own, without the name of the console.
	Title func(T) string
	// Command is the command that shows the same.
	Command func(T) string
	// Markup is made by Parse; nil for JSON that no page shows as it is.
	Markup *template.Template
}

// Parameter is one of a view's.
type Parameter struct{ Name, About string }

// Show adds a view to the site.
func Show[T any](s *Site, v View[T]) {
	s.describe(route{path: apiPath(v.Path), about: v.About, parameters: v.Parameters, posted: v.Posted, answer: reflect.TypeFor[T]()})
	html := func(w http.ResponseWriter, r *http.Request) {
		data, err := v.read(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		page := page{Title: v.Title(data), Item: v.Item, Data: data}
		if v.Command != nil {
			page.Command = v.Command(data)
		}
		s.write(w, r, http.StatusOK, v.Markup, page)
	}
	script := func(w http.ResponseWriter, r *http.Request) {
		data, err := v.read(w, r)
		if err != nil {
			s.FailJSON(w, r, err)
			return
		}
		JSON(w, http.StatusOK, data)
	}
	methods := []string{"GET"}
	if v.Posted {
		methods = append(methods, "POST")
	}
	for _, method := range methods {
		if v.Markup != nil {
			s.mux.HandleFunc(method+" "+exactly(v.Path), html)
		}
		s.mux.HandleFunc(method+" "+exactly(apiPath(v.Path)), script)
	}
}

// Patience bounds what a view may take: whoever waits for a store that does not answer is told so, before the server ends the connection
// after 30 seconds.
const Patience = 25 * time.Second

func (v View[T]) read(w http.ResponseWriter, r *http.Request) (data T, err error) {
	if err := parseForm(r); err != nil {
		return data, err
	}
	received(w)
	ctx, cancel := context.WithTimeout(r.Context(), Patience)
	defer cancel()
	return v.Read(r.WithContext(ctx))
}

// parseForm reads the body of a form, if there is one.
func parseForm(r *http.Request) error {
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Err: fmt.Errorf("the form has more than the %d bytes that it may have", tooLarge.Limit)}
	case err != nil:
		return BadRequest("read the form: %w", err)
	}
	return nil
}

// apiPath is where a view's JSON is. That of the first page has a name of its own.
func apiPath(path string) string {
	if path == "/" {
		path = "/now"
	}
	return api + path
}

// exactly keeps the pattern "/" from taking every path that nothing else takes.
func exactly(path string) string {
	if strings.HasSuffix(path, "/") {
		return path + "{$}"
	}
	return path
}

// JSON answers with a value that goes into no cache.
func JSON(w http.ResponseWriter, status int, data any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(data) // the other side may have gone
}

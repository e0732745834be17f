package web

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// View is one page: what it shows, as HTML for people and as JSON for scripts. Both come from the same value.
type View[T any] struct {
	// Path is a pattern of net/http, such as /tables/{table}. The JSON is at /api/v1 + Path.
	Path string
	// Item is the entry of the navigation that the page belongs to.
	Item string
	// Read makes what the page shows. An error that is no Problem answers 500.
	Read func(*http.Request) (T, error)
	// Title is the page's own, without the name of the console.
	Title func(T) string
	// Command is the command that shows the same.
	Command func(T) string
	// Markup is made by Parse.
	Markup *template.Template
}

// Show adds a view to the site.
func Show[T any](s *Site, v View[T]) {
	s.mux.HandleFunc("GET "+exactly(v.Path), func(w http.ResponseWriter, r *http.Request) {
		data, err := v.Read(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		page := page{Title: v.Title(data), Item: v.Item, Data: data}
		if v.Command != nil {
			page.Command = v.Command(data)
		}
		s.write(w, r, http.StatusOK, v.Markup, page)
	})
	s.mux.HandleFunc("GET "+exactly(apiPath(v.Path)), func(w http.ResponseWriter, r *http.Request) {
		data, err := v.Read(r)
		if err != nil {
			s.FailJSON(w, r, err)
			return
		}
		JSON(w, http.StatusOK, data)
	})
}

// apiPath is where a view's JSON is. That of the first page has a name of its own.
func apiPath(path string) string {
	if path == "/" {
		path = "/now"
	}
	return "/api/v1" + path
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

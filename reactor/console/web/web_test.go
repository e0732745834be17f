package web

import (
	"encoding/json"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
)

// hostile is text of the lake that wants to be markup, a script or an attribute.
const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>'{{.}}`

// thing is what a page of the tests shows.
type thing struct {
	Name  string   `json:"name"`
	Cells []any    `json:"cells"`
	Of    *thing   `json:"-"`
	Tags  []string `json:"tags,omitempty"`
}

const thingMarkup = `{{define "main"}}<h1>{{.Data.Name}}</h1><a href="/thing/{{.Data.Name}}?key={{.Data.Name}}">{{.Data.Name}}</a>
<table>{{range .Data.Cells}}<td>{{cell .}}</td>{{end}}</table>{{if .Visitor.May}}<form method="post" action="/do"><input name="form" value="{{.Visitor.Form}}"></form>{{end}}{{end}}`

// newSite makes a site with a page of each kind; the tokens are "owner's" and "analyst's".
func newSite(t *testing.T) *Site {
	t.Helper()
	gate := func(token string) (string, bool, bool) {
		switch token {
		case "owner's":
			return "owner", true, true
		case "analyst's":
			return "analyst", false, true
		}
		return "", false, false
	}
	s := New(slog.New(slog.DiscardHandler), gate, []Item{{"Things", "/thing/a"}, {"Other", "/other"}})
	markup := Parse(fstest.MapFS{"thing.html": {Data: []byte(thingMarkup)}}, template.FuncMap{}, "thing.html")
	Show(s, View[thing]{
		Path: "/thing/{name}", Item: "Things", Markup: markup, Posted: true, About: "A thing.", Parameters: []Parameter{{"fail", "How to fail."}},
		Read: func(r *http.Request) (thing, error) {
			switch r.FormValue("fail") {
			case "not found":
				return thing{}, NotFound("there is no %s", hostile)
			case "broken":
				return thing{}, io.ErrUnexpectedEOF
			}
			return thing{Name: r.PathValue("name"), Cells: []any{nil, hostile, []any{hostile}, map[string]any{hostile: hostile}, 1.5}}, nil
		},
		Title: func(x thing) string { return x.Name }, Command: func(x thing) string { return "reactor show " + x.Name },
	})
	Show(s, View[[]string]{Path: "/names", About: "Names.", Read: func(*http.Request) ([]string, error) { return []string{hostile}, nil }})
	s.Act("/do", func(r *http.Request) (Done, error) {
		if err := Typed(r, "it"); err != nil {
			return Done{}, err
		}
		return Done{Title: "Done " + hostile, Text: hostile, Back: "javascript:alert(1)", Command: hostile}, nil
	})
	return s
}

// ask sends a request to a site; change may change it.
func ask(t *testing.T, s *Site, method, target string, form url.Values, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	r.RemoteAddr = "127.0.0.1:1" // whoever is on this machine may look
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// enter visits a site with a token and returns the cookie that stands for it.
func enter(t *testing.T, s *Site, token string) *http.Cookie {
	t.Helper()
	w := ask(t, s, "GET", "/thing/a?x=1&token="+url.QueryEscape(token), nil, nil)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("the token of %s: %d with %d cookies", token, w.Code, len(cookies))
	}
	return cookies[0]
}

func TestTextOfTheLakeStaysText(t *testing.T) {
	s := newSite(t)
	owner := enter(t, s, "owner's")
	pages := map[string]*httptest.ResponseRecorder{
		"a page":             ask(t, s, "GET", "/thing/"+url.PathEscape(hostile), nil, nil),
		"a page that failed": ask(t, s, "GET", "/thing/a?fail=not+found", nil, nil),
		"no page":            ask(t, s, "GET", "/"+url.PathEscape(hostile), nil, nil),
		"a token":            ask(t, s, "GET", "/thing/a?token="+url.QueryEscape(hostile), nil, nil),
		"an action": ask(t, s, "POST", "/do", url.Values{"form": {s.sessions.all[owner.Value].visitor.Form}, "typed": {"it"}}, func(r *http.Request) {
			r.AddCookie(owner)
		}),
		"a refused action": ask(t, s, "POST", "/do", url.Values{"form": {s.sessions.all[owner.Value].visitor.Form}, "typed": {hostile}}, func(r *http.Request) {
			r.AddCookie(owner)
		}),
	}
	for what, w := range pages {
		body := w.Body.String()
		for _, bad := range []string{"<img src=x", "<script>alert", "javascript:alert", `="">`, "'{{"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %s:\n%s", what, bad, body)
			}
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(body, "</html>") {
			t.Errorf("%s is no page: %d %s", what, w.Code, body)
		}
	}
	if body := pages["a page"].Body.String(); strings.Count(body, "&lt;img") < 4 || !strings.Contains(body, `<span class="null">null</span>`) || !strings.Contains(body, "%3cimg") {
		t.Errorf("the page does not show the text:\n%s", body)
	}
}

func TestEachAnswerLoadsItsOwnFilesAlone(t *testing.T) {
	s := newSite(t)
	for _, target := range []string{"/thing/a", "/nope", "/api/v1/thing/a", "/api/nope", "/static/console.js", "/thing/a?fail=broken", "/thing/a?token=nope", "/thing/a?token=owner's"} {
		w := ask(t, s, "GET", target, nil, nil)
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", target, policy)
		}
		for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", target, header, got)
			}
		}
	}
	first, second := ask(t, s, "GET", "/thing/a", nil, nil), ask(t, s, "GET", "/thing/a", nil, nil)
	if first.Header().Get("Content-Security-Policy") == second.Header().Get("Content-Security-Policy") {
		t.Error("two answers have one nonce")
	}
	if got := first.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("a page may be kept: %q", got)
	}
	if got := ask(t, s, "GET", "/static/console.css", nil, nil).Header().Get("Cache-Control"); got != "max-age=3600" {
		t.Errorf("a file may be kept for %q", got)
	}
}

func TestAPageAndItsJSONAreOneValue(t *testing.T) {
	s := newSite(t)
	page, script := ask(t, s, "GET", "/thing/bitcoin", nil, nil), ask(t, s, "GET", "/api/v1/thing/bitcoin", nil, nil)
	var got thing
	if err := json.Unmarshal(script.Body.Bytes(), &got); err != nil || got.Name != "bitcoin" || len(got.Cells) != 5 || got.Cells[1] != hostile {
		t.Errorf("the JSON is %s, %v", script.Body, err)
	}
	for _, want := range []string{"<title>bitcoin · millrace</title>", "<code>reactor show bitcoin</code>", `<a href="/thing/a" aria-current="page">Things</a>`, `<a href="/other">Other</a>`} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page lacks %s:\n%s", want, page.Body)
		}
	}
	posted := ask(t, s, "POST", "/api/v1/thing/bitcoin", url.Values{"fail": {"not found"}}, nil)
	if posted.Code != http.StatusNotFound || !strings.Contains(posted.Body.String(), `"error":"there is no`) {
		t.Errorf("a parameter in the body: %d %s", posted.Code, posted.Body)
	}
	for target, want := range map[string]int{
		"/thing/a?fail=not+found": 404, "/api/v1/thing/a?fail=not+found": 404, "/thing/a?fail=broken": 500, "/api/v1/thing/a?fail=broken": 500, "/names": 404,
		"/api/v1/names": 200, "/api/v1/nope": 404, "/thing/": 404, "/thing/a/b": 404, "/static/": 200, "/static/../site.go": 307, "/static/nope": 404,
	} {
		if w := ask(t, s, "GET", target, nil, nil); w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
	for _, target := range []string{"/names", "/api/v1/names", "/thing"} {
		if w := ask(t, s, "POST", target, url.Values{}, nil); w.Code < 400 || w.Code >= 500 {
			t.Errorf("POST %s: %d", target, w.Code)
		}
	}
}

func TestEveryAddressOfTheAPIIsDescribed(t *testing.T) {
	s := newSite(t)
	w := ask(t, s, "GET", "/api/v1/openapi.json", nil, nil)
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name, In string
				Required bool
			}
			RequestBody map[string]any
		}
		Components struct{ Schemas map[string]map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || document.OpenAPI != "3.1.0" || len(document.Paths) != 2 {
		t.Fatalf("%s: %v", w.Body, err)
	}
	of := document.Paths["/thing/{name}"]
	if in := of["get"].Parameters; len(in) != 2 || in[0].Name != "name" || !in[0].Required || in[0].In != "path" || in[1].Name != "fail" || in[1].In != "query" {
		t.Errorf("the parameters are %+v", in)
	}
	if of["post"].RequestBody == nil || of["get"].RequestBody != nil || of["get"].OperationID == of["post"].OperationID {
		t.Errorf("what is posted: %+v", of)
	}
	required, _ := document.Components.Schemas["web.thing"]["required"].([]any)
	if len(required) != 2 || document.Components.Schemas["Failure"] == nil || document.Components.Schemas["[]string"] == nil {
		t.Errorf("the schemas are %+v", document.Components.Schemas)
	}
	defer func() {
		if recover() == nil {
			t.Error("JSON that nothing describes can be added")
		}
	}()
	s.Handle("GET /api/v1/secret", http.NotFoundHandler())
}

package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"crypto/tls"
)

func TestATokenBecomesACookieAtOnce(t *testing.T) {
	s := newSite(t)
	w := ask(t, s, "GET", "/thing/a?x=1&token="+url.QueryEscape("owner's"), nil, nil)
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/thing/a?x=1" {
		t.Errorf("%d to %q", w.Code, to)
	}
	c := w.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Secure || c.MaxAge != int(sessionAge.Seconds()) {
		t.Errorf("the cookie is %+v", c)
	}
	if strings.Contains(c.Value, "owner") || len(c.Value) < 20 {
		t.Errorf("the cookie's value says something: %q", c.Value)
	}
	encrypted := ask(t, s, "GET", "/?token=analyst's", nil, func(r *http.Request) { r.TLS = &tls.ConnectionState{} })
	if c := encrypted.Result().Cookies()[0]; !c.Secure {
		t.Errorf("over TLS the cookie is %+v", c)
	}
	wrong := ask(t, s, "GET", "/thing/a?token=nope", nil, nil)
	if wrong.Code != http.StatusForbidden || len(wrong.Result().Cookies()) != 0 || strings.Contains(wrong.Body.String(), "nope") {
		t.Errorf("a wrong token: %d %s", wrong.Code, wrong.Body)
	}
	// A way out of the console cannot be asked for.
	for _, target := range []string{"//evil.example/?token=owner's", "/%2F/evil.example?token=owner's", `/\evil.example?token=owner's`} {
		r := httptest.NewRequest("GET", "/", nil)
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.RequestURI, r.RemoteAddr = u, target, "127.0.0.1:1"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		to := w.Header().Get("Location")
		if strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.HasPrefix(to, "http") {
			t.Errorf("%s goes to %q", target, to)
		}
	}
}

func TestWhoMayChangeSomething(t *testing.T) {
	s := newSite(t)
	owner, analyst := enter(t, s, "owner's"), enter(t, s, "analyst's")
	form := s.sessions.all[owner.Value].visitor.Form
	if other := s.sessions.all[enter(t, s, "owner's").Value].visitor.Form; form == "" || form == other {
		t.Errorf("two visits have one text for forms: %q", form)
	}
	if s.sessions.all[analyst.Value].visitor.Form != "" {
		t.Error("an analyst has a text for forms")
	}
	with := func(c *http.Cookie) func(*http.Request) {
		return func(r *http.Request) {
			if c != nil {
				r.AddCookie(c)
			}
		}
	}
	right := url.Values{"form": {form}, "typed": {"it"}}
	for what, tt := range map[string]struct {
		cookie *http.Cookie
		form   url.Values
		want   int
	}{
		"nobody":                   {nil, right, 403},
		"somebody else's cookie":   {&http.Cookie{Name: sessionCookie, Value: "x"}, right, 403},
		"an analyst":               {analyst, right, 403},
		"an analyst without text":  {analyst, url.Values{"form": {""}, "typed": {"it"}}, 403},
		"the owner without a text": {owner, url.Values{"typed": {"it"}}, 403},
		"with an empty one":        {owner, url.Values{"form": {""}, "typed": {"it"}}, 403},
		"with another one":         {owner, url.Values{"form": {"x" + form}, "typed": {"it"}}, 403},
		"with the wrong name":      {owner, url.Values{"form": {form}, "typed": {"that"}}, 400},
		"too much":                 {owner, url.Values{"form": {form}, "typed": {"it"}, "more": {strings.Repeat("x", 100)}}, 413},
		"rightly":                  {owner, right, 200},
	} {
		w := ask(t, s, "POST", "/do", tt.form, func(r *http.Request) {
			with(tt.cookie)(r)
			r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 100)
		})
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d: %s", what, w.Code, tt.want, w.Body)
		}
	}
	// The text in the address is none of the form, and would be in the history.
	if w := ask(t, s, "POST", "/do?form="+url.QueryEscape(form)+"&typed=it", url.Values{}, with(owner)); w.Code != http.StatusForbidden {
		t.Errorf("a text in the address: %d", w.Code)
	}
	if w := ask(t, s, "GET", "/do?form="+url.QueryEscape(form)+"&typed=it", nil, with(owner)); w.Code != http.StatusNotFound {
		t.Errorf("an action by GET: %d", w.Code)
	}
	page := ask(t, s, "GET", "/thing/a", nil, with(owner)).Body.String()
	if !strings.Contains(page, form) || !strings.Contains(page, "as owner") {
		t.Error("the owner's page lacks the text of its forms")
	}
	if page := ask(t, s, "GET", "/thing/a", nil, with(analyst)).Body.String(); strings.Contains(page, "<form") || !strings.Contains(page, "as analyst") {
		t.Error("an analyst is offered a form")
	}
}

func TestAVisitEnds(t *testing.T) {
	s := newSite(t)
	owner := enter(t, s, "owner's")
	one := s.sessions.all[owner.Value]
	one.until = time.Now().Add(-time.Second)
	s.sessions.all[owner.Value] = one
	w := ask(t, s, "POST", "/do", url.Values{"form": {one.visitor.Form}, "typed": {"it"}}, func(r *http.Request) { r.AddCookie(owner) })
	if w.Code != http.StatusForbidden {
		t.Errorf("after its end: %d", w.Code)
	}
	for range mostSessions + 5 {
		s.sessions.begin("analyst", false)
	}
	if n := len(s.sessions.all); n > mostSessions {
		t.Errorf("%d visits are remembered", n)
	}
}

// A link to the console may be followed; an image, a script, a frame or a form of another site's page gets nothing.
func TestAnotherSitesPageLoadsNothing(t *testing.T) {
	s := newSite(t)
	for what, tt := range map[string]struct {
		method, site, mode, dest string
		want                     int
	}{
		"an image":                 {"GET", "cross-site", "no-cors", "image", 403},
		"a script":                 {"GET", "cross-site", "no-cors", "script", 403},
		"a fetch":                  {"GET", "cross-site", "cors", "empty", 403},
		"a frame":                  {"GET", "cross-site", "navigate", "iframe", 403},
		"a form":                   {"POST", "cross-site", "navigate", "document", 403},
		"a link":                   {"GET", "cross-site", "navigate", "document", 200},
		"its own script":           {"GET", "same-origin", "cors", "empty", 200},
		"an address that is typed": {"GET", "none", "navigate", "document", 200},
		"a program":                {"GET", "", "", "", 200},
	} {
		for _, target := range []string{"/thing/a", "/api/v1/thing/a"} {
			w := ask(t, s, tt.method, target, url.Values{}, func(r *http.Request) {
				for name, value := range map[string]string{"Sec-Fetch-Site": tt.site, "Sec-Fetch-Mode": tt.mode, "Sec-Fetch-Dest": tt.dest} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
			})
			if w.Code != tt.want {
				t.Errorf("%s, %s: %d, want %d", what, target, w.Code, tt.want)
			}
		}
	}
}

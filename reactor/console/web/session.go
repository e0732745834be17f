package web

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
)

// Whoever is on this machine may look; from another one, only somebody with a role's token. What changes state needs a token of a role that may write: it comes once, in the address
// that `up` prints, and is taken out of it at once. From then on a cookie stands for it, which no script can read, and each form
// holds a text that only a page of this console can know.

// Visitor is who opened a page.
type Visitor struct {
	// Role is "" for somebody without a token.
	Role string
	// May tells whether the role may change anything.
	May bool
	// Form is the text that a form has to bring, "" for those who may not change anything.
	Form string
}

// Gate tells whose token a text is.
type Gate func(token string) (role string, may, ok bool)

const (
	sessionCookie = "millrace_console"
	// sessionAge is how long a visit may last; the sessions are in memory, so they end with the reactor anyway.
	sessionAge = 12 * time.Hour
	// mostSessions bounds what the token's holders can make the reactor remember.
	mostSessions = 1000
)

type sessions struct {
	mu  sync.Mutex
	all map[string]session
}

type session struct {
	visitor Visitor
	until   time.Time
}

func (s *sessions) begin(role string, may bool) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || len(s.all) >= mostSessions {
		s.all = map[string]session{}
	}
	id = rand.Text()
	v := Visitor{Role: role, May: may}
	if may {
		v.Form = rand.Text()
	}
	s.all[id] = session{v, time.Now().Add(sessionAge)}
	return id
}

func (s *sessions) of(r *http.Request) Visitor {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return Visitor{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[cookie.Value]
	if !ok || time.Now().After(one.until) {
		return Visitor{}
	}
	return one.visitor
}

// enter takes a token out of the address: the browser goes to the same page without it, with a cookie. A token in an address would
// stay in the history and go out as a referrer. It tells whether it has answered.
func (s *Site) enter(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	token := query.Get("token")
	if token == "" || r.Method != http.MethodGet {
		return false
	}
	role, may, ok := s.Gate(token)
	if !ok {
		s.fail(w, r, &Problem{Status: http.StatusForbidden, Err: errWrongToken, Advice: "`stack env` prints the address with the token of the stack that runs."})
		return true
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: s.sessions.begin(role, may), Path: "/", MaxAge: int(sessionAge.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	query.Del("token")
	// A path that begins with two slashes would be another host's.
	to := url.URL{Path: path.Clean("/" + r.URL.Path), RawQuery: query.Encode()}
	http.Redirect(w, r, to.RequestURI(), http.StatusSeeOther)
	return true
}

// mayLook returns why a request may not see the lake, nil when it may. A reactor that listens beyond loopback is seen by a whole
// network. A proxy on this machine counts as this machine: it has to ask for names itself.
func (s *Site) mayLook(r *http.Request) error {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err == nil && from.Addr().Unmap().IsLoopback() || s.sessions.of(r).Role != "" || strings.HasPrefix(r.URL.Path, "/static/") {
		return nil
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if _, _, ok := s.Gate(token); ok {
			return nil
		}
	}
	return &Problem{Status: http.StatusUnauthorized, Err: errFromElsewhere, Advice: "Open the console by the address that `stack env` prints, with the token of a role; a script sends `Authorization: Bearer TOKEN`."}
}

// sameSite refuses what a page of another site makes a browser load: an image or a script whose address is a query would run it, unseen.
// Somebody who follows a link to the console goes there; browsers say which of the two it is.
func sameSite(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Method == http.MethodGet {
		return nil
	}
	return &Problem{Status: http.StatusForbidden, Err: errOtherSite}
}

// mayChange returns why a request may not change anything, nil when it may.
func (s *Site) mayChange(r *http.Request) error {
	v := s.sessions.of(r)
	switch {
	case v.Role == "":
		return &Problem{Status: http.StatusForbidden, Err: errNoToken, Advice: "Open the console by the address that `up` and `stack env` print: it has the token."}
	case !v.May:
		return &Problem{Status: http.StatusForbidden, Err: errMayNot}
	case subtle.ConstantTimeCompare([]byte(r.PostFormValue("form")), []byte(v.Form)) != 1:
		return &Problem{Status: http.StatusForbidden, Err: errOldForm, Advice: "Go back, load the page again, and do it once more."}
	}
	return nil
}

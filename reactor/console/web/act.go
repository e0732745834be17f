package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

var (
	errOtherSite     = errors.New("a page of another site asks for this; open the address itself")
	errNoToken       = errors.New("whoever changes something has to bring a token")
	errFromElsewhere = errors.New("whoever looks from another machine has to bring a token")
	errWrongToken    = errors.New("the token in the address is nobody's")
	errMayNot        = errors.New("the role of your token may look, and may not change anything")
	errOldForm       = errors.New("the form does not come from a page that this console has just shown")
)

// Done is what an action has done, for a page and for JSON.
type Done struct {
	// Title says it in a few words, Text in a sentence.
	Title string `json:"done"`
	Text  string `json:"text,omitempty"`
	// Back is the page to go to from there, and Next are others.
	Back string `json:"-"`
	Next []Item `json:"-"`
	// Command is the one that does the same.
	Command string `json:"command,omitempty"`
}

// Act adds an action: a form that is posted. It runs only for a role that may change something, and for a form of a page of this
// console.
func (s *Site) Act(path string, do func(*http.Request) (Done, error)) {
	s.actions = append(s.actions, path)
	s.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		err := parseForm(r)
		if err == nil {
			err = s.mayChange(r)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		received(w)
		done, err := do(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.write(w, r, http.StatusOK, s.done, page{Title: done.Title, Command: done.Command, Data: done})
	})
}

// Actions are the addresses that change something.
func (s *Site) Actions() []string { return slices.Sorted(slices.Values(s.actions)) }

// Typed refuses an action whose form does not bring the name of what it is about: somebody has to type it.
func Typed(r *http.Request, name string) error {
	if given := strings.TrimSpace(r.PostFormValue("typed")); given != name {
		return BadRequest("type %s to confirm; the form says %q", name, given)
	}
	return nil
}

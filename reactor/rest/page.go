package rest

import (
	"encoding/base64"
	"net/http"
	"strconv"
)

// page says which part of a list a client asks for. A client that asks for no page gets the whole list.
type page struct {
	after string // the last name of the page before
	size  int    // 0 for the whole list
}

// usualPage is the size of a page of a client that does not say one.
const usualPage = 1000

func pageOf(r *http.Request) (page, error) {
	q := r.URL.Query()
	p := page{}
	if text := q.Get("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return p, bad("pageSize must be a number from 1 on")
		}
		p.size = n
	}
	if !q.Has("pageToken") {
		if p.size == 0 {
			return p, nil
		}
	} else if p.size == 0 {
		p.size = usualPage
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Get("pageToken"))
	if err != nil {
		return p, bad("pageToken is none that this catalog gave: begin with an empty one")
	}
	p.after = string(after)
	return p, nil
}

// ask is how many names to read: one more than the page has tells whether there is another page.
func (p page) ask() int {
	if p.size == 0 {
		return 0
	}
	return p.size + 1
}

// cut takes what the page has of the names from its beginning on, and the token of the next one; nil is the end.
func (p page) cut(names []string) (on []string, next any) {
	if p.size == 0 || len(names) <= p.size {
		return names, nil
	}
	names = names[:p.size]
	return names, base64.RawURLEncoding.EncodeToString([]byte(names[len(names)-1]))
}

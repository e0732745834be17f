// Package letters is the console's pages of dead letters and refused rows: why they are so, and how to have them promoted again.
package letters

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/event"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

//go:embed *.html
var files embed.FS

// shown is how many letters a page lists.
const shown = 100

// Pages are those of dead letters.
type Pages struct{ js jetstream.JetStream }

// Add adds the pages to a site.
func Add(s *web.Site, js jetstream.JetStream) {
	p := &Pages{js}
	web.Show(s, web.View[List]{
		Path: "/letters", Item: "Dead letters", Markup: web.Parse(files, nil, "list.html"),
		About:      "The dead letters, the newest first.",
		Parameters: []web.Parameter{{Name: "filter", About: "A text that object or reason hold."}},
		Read:       p.list,
		Title:      func(List) string { return "Dead letters" },
		Command:    func(List) string { return "reactor dlq list" },
	})
	web.Show(s, web.View[Letter]{
		Path: "/letters/{id}", Item: "Dead letters", Markup: web.Parse(files, nil, "one.html"),
		About:   "A dead letter with its event.",
		Read:    p.one,
		Title:   func(l Letter) string { return fmt.Sprintf("Dead letter %d", l.ID) },
		Command: func(l Letter) string { return fmt.Sprintf("reactor dlq show %d", l.ID) },
	})
	s.Act("/letters/retry", func(r *http.Request) (web.Done, error) { return p.act(r, retry) })
	s.Act("/letters/drop", func(r *http.Request) (web.Done, error) { return p.act(r, drop) })
}

// List is the dead letters whose object or reason holds a text, the newest first.
type List struct {
	Filter  string   `json:"filter,omitempty"`
	Letters []Letter `json:"letters"`
	// Found is how many the filter finds, All how many there are.
	Found int `json:"found"`
	All   int `json:"all"`
}

// printed is a time with as many digits as the commands print.
func printed(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

// Letter is a dead letter.
type Letter struct {
	ID       uint64    `json:"id"`
	FirstAt  time.Time `json:"first_at"`
	At       time.Time `json:"at"`
	Consumer string    `json:"consumer"`
	// Key is the object's, "" where the message was no event.
	Key      string `json:"key,omitempty"`
	Version  string `json:"version,omitempty"`
	Attempts uint64 `json:"attempts"`
	Reason   string `json:"reason"`
	Subject  string `json:"subject,omitempty"`
	Event    string `json:"event,omitempty"`
}

func letterOf(l stream.DeadLetter) Letter {
	one := Letter{ID: l.Sequence, FirstAt: printed(l.First), At: printed(l.At), Consumer: l.Consumer, Attempts: l.Attempts, Reason: l.Reason}
	if o, err := event.Unmarshal(l.Body); err == nil {
		one.Key, one.Version = o.Key, o.Version
	}
	return one
}

func (l Letter) holds(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(strings.ToLower(l.Key), text) || strings.Contains(strings.ToLower(l.Reason), text)
}

func (p *Pages) list(r *http.Request) (List, error) {
	all, err := stream.DeadLettersOf(r.Context(), p.js, "")
	if err != nil {
		return List{}, err
	}
	list := List{Filter: r.URL.Query().Get("filter"), Letters: []Letter{}, All: len(all)}
	for i := len(all) - 1; i >= 0; i-- {
		l := letterOf(all[i])
		if !l.holds(list.Filter) {
			continue
		}
		if list.Found++; list.Found <= shown {
			list.Letters = append(list.Letters, l)
		}
	}
	return list, nil
}

func (p *Pages) one(r *http.Request) (Letter, error) {
	l, err := p.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return Letter{}, err
	}
	one := letterOf(l)
	one.Subject, one.Event = l.Subject, string(l.Body)
	return one, nil
}

// find returns the letter of a number.
func (p *Pages) find(ctx context.Context, number string) (stream.DeadLetter, error) {
	id, err := strconv.ParseUint(number, 10, 64)
	if err != nil || id == 0 {
		return stream.DeadLetter{}, web.BadRequest("%q is no number of a dead letter", number)
	}
	l, err := stream.DeadLetterOf(ctx, p.js, id)
	if errors.Is(err, stream.ErrNoDeadLetter) {
		return l, web.NotFound("dead letter %d is not there (any more): it was retried and promoted, or dropped", id)
	}
	return l, err
}

// action is what is done to a letter.
type action struct {
	name, done, text string
	do               func(context.Context, jetstream.JetStream, stream.DeadLetter) error
}

var (
	retry = action{"retry", "published again", "A letter goes when its object is promoted. One that dies again comes back in a moment, under a new number.",
		func(ctx context.Context, js jetstream.JetStream, l stream.DeadLetter) error {
			return stream.Retry(ctx, js, l, tables.Subject)
		}}
	drop = action{"drop", "dropped", "The objects stay in bronze.",
		func(ctx context.Context, js jetstream.JetStream, l stream.DeadLetter) error {
			err := stream.Drop(ctx, js, l.Sequence)
			if errors.Is(err, stream.ErrNoDeadLetter) {
				return nil // it has cleared itself meanwhile
			}
			return err
		}}
)

// act does something to the letter that a form names, or to all that its filter finds.
func (p *Pages) act(r *http.Request, a action) (web.Done, error) {
	if r.PostForm.Has("id") {
		l, err := p.find(r.Context(), r.PostForm.Get("id"))
		if err == nil {
			err = a.do(r.Context(), p.js, l)
		}
		done := web.Done{
			Title: fmt.Sprintf("Dead letter %d %s", l.Sequence, a.done), Text: a.text, Back: "/letters", Command: fmt.Sprintf("reactor dlq %s %d", a.name, l.Sequence),
		}
		if key := letterOf(l).Key; key != "" {
			done.Next = []web.Item{{Name: "What becomes of " + key, Path: "/bronze/object?" + url.Values{"key": {key}}.Encode()}}
		}
		return done, err
	}
	all, err := stream.DeadLettersOf(r.Context(), p.js, "")
	if err != nil {
		return web.Done{}, err
	}
	filter, n := r.PostFormValue("filter"), 0
	words := []string{"reactor", "dlq", a.name}
	for _, l := range all {
		if !letterOf(l).holds(filter) {
			continue
		}
		if err := a.do(r.Context(), p.js, l); err != nil {
			return web.Done{}, err
		}
		n++
		words = append(words, strconv.FormatUint(l.Sequence, 10))
	}
	if filter == "" {
		words = append(words[:3], "--all")
	}
	done := web.Done{Title: fmt.Sprintf("%d dead letters %s", n, a.done), Text: a.text, Back: "/letters"}
	if n > 0 {
		done.Command = cli.ShellLine(words...)
	}
	return done, nil
}

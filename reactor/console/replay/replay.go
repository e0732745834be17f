// Package replay is the console's page of replays: events of objects published again, and branches that become main.
package replay

import (
	"context"
	"embed"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/announce"
	"millrace/reactor/console/web"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver/datasets"
)

//go:embed *.html
var files embed.FS

// Pages are those of replays.
type Pages struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	JS     jetstream.JetStream
	Models *gold.Set
}

// Add adds the pages to a site.
func Add(s *web.Site, p *Pages) {
	web.Show(s, web.View[Form]{
		Path: "/replay", Item: "Replay", Markup: web.Parse(files, nil, "form.html"),
		About:      "The branches, and how many objects a selection has.",
		Parameters: []web.Parameter{{Name: "dataset", About: "Of the objects, source/dataset."}, {Name: "from", About: "First ingest date, 2026-01-31."}, {Name: "to", About: "Last ingest date."}, {Name: "key", About: "One object."}, {Name: "dead-letters", About: "Anything: only objects that have a dead letter."}},
		Read:       p.form,
		Title:      func(Form) string { return "Replay" },
		Command:    func(f Form) string { return f.command() + " --dry-run" },
	})
	web.Show(s, web.View[Run]{
		Path: "/replay/run/{run}", Item: "Replay", Markup: web.Parse(files, nil, "run.html"),
		About:      "How far a replay is, and the snapshots that it made.",
		Parameters: []web.Parameter{{Name: "events", About: "How many events were published."}},
		Read:       p.run,
		Title:      func(r Run) string { return "Replay " + r.Run },
		Command:    func(r Run) string { return r.command },
	})
	web.Show(s, web.View[Branch]{
		Path: "/replay/branch/{branch}", Item: "Replay", Markup: web.Parse(files, nil, "branch.html"),
		About:   "How a branch differs from main.",
		Read:    p.branch,
		Title:   func(b Branch) string { return "Branch " + b.Name },
		Command: func(b Branch) string { return cli.ShellLine("reactor", "publish", b.Name) },
	})
	s.Act("/replay", p.start)
	s.Act("/replay/branch/{branch}/publish", p.publish)
	s.Act("/replay/branch/{branch}/drop", p.drop)
}

// Selection is the objects whose events are published again.
type Selection struct {
	Dataset     string `json:"dataset,omitempty"`
	From        string `json:"from,omitempty"`
	To          string `json:"to,omitempty"`
	Key         string `json:"key,omitempty"`
	DeadLetters bool   `json:"dead_letters,omitempty"`
}

// command is the one that replays the same objects.
func (s Selection) command() string {
	words := []string{"reactor", "replay"}
	for _, flag := range [][2]string{{"--dataset", s.Dataset}, {"--from", s.From}, {"--to", s.To}, {"--key", s.Key}} {
		if flag[1] != "" {
			words = append(words, flag[0], flag[1])
		}
	}
	if s.DeadLetters {
		words = append(words, "--dead-letters")
	}
	return cli.ShellLine(words...)
}

func selectionOf(v url.Values) Selection {
	text := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	return Selection{Dataset: text("dataset"), From: text("from"), To: text("to"), Key: text("key"), DeadLetters: v.Get("dead-letters") != ""}
}

// objects are those of the selection, as they are now.
func (p *Pages) objects(ctx context.Context, s Selection) (iter.Seq2[event.Object, error], error) {
	chosen := reconcile.Selection{Dataset: s.Dataset, Key: s.Key}
	if _, known := datasets.Find(s.Dataset); s.Dataset != "" && !known {
		return nil, web.BadRequest("there is no dataset %q", s.Dataset)
	}
	for _, day := range []struct {
		name, text string
		to         *bronze.Day
	}{{"from", s.From, &chosen.From}, {"to", s.To, &chosen.To}} {
		if day.text == "" {
			continue
		}
		if err := day.to.UnmarshalText([]byte(day.text)); err != nil {
			return nil, web.BadRequest("%s: %w", day.name, err)
		}
	}
	if s.DeadLetters {
		return announce.DeadObjects(ctx, p.JS, chosen), nil
	}
	return reconcile.Select(ctx, p.Bucket, chosen), nil
}

// Form is what a replay would do.
type Form struct {
	Selection
	// Counted tells that Groups says how many objects the selection has.
	Counted bool              `json:"counted"`
	Groups  []reconcile.Group `json:"groups"`
	Objects int               `json:"objects"`
	// More tells that the selection has more objects: a listing of a million takes minutes.
	More     bool              `json:"more,omitempty"`
	Datasets []string          `json:"-"`
	Branches []lake.BranchInfo `json:"branches"`
}

func (p *Pages) form(r *http.Request) (Form, error) {
	ctx := r.Context()
	f := Form{Selection: selectionOf(r.URL.Query()), Groups: []reconcile.Group{}}
	for _, d := range datasets.All() {
		f.Datasets = append(f.Datasets, d.Name)
	}
	var err error
	if f.Branches, err = p.Lake.Branches(ctx); err != nil {
		return f, err
	}
	if len(r.URL.Query()) == 0 {
		return f, nil
	}
	objects, err := p.objects(ctx, f.Selection)
	if err != nil {
		return f, err
	}
	if f.Groups, err = reconcile.Count(f.first(objects), func(int) { f.Objects++ }); err != nil {
		return f, err
	}
	f.Counted = true
	return f, nil
}

// counted is how many objects a page counts.
const counted = 5000

// first yields the first objects, and notes whether there are more.
func (f *Form) first(objects iter.Seq2[event.Object, error]) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		n := 0
		for o, err := range objects {
			if n++; n > counted && err == nil {
				f.More = true
				return
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// start publishes the events of a selection again. The answer comes when the broker has all of them.
func (p *Pages) start(r *http.Request) (web.Done, error) {
	selection := selectionOf(r.PostForm)
	objects, err := p.objects(r.Context(), selection)
	if err != nil {
		return web.Done{}, err
	}
	// A browser that goes away must not leave half of a replay.
	ctx := context.WithoutCancel(r.Context())
	run, n, err := announce.Replay{Lake: p.Lake, Bucket: p.Bucket, JS: p.JS}.Run(ctx, objects, func(int) {})
	if err != nil {
		return web.Done{}, err
	}
	if selection.Key != "" && n == 0 && !selection.DeadLetters {
		return web.Done{}, web.NotFound("there is no object %s in bronze", selection.Key)
	}
	return web.Done{
		Title: "The replay runs", Text: fmt.Sprintf("%d events are published again, as run %s.", n, run),
		Back: fmt.Sprintf("/replay/run/%s?events=%d", run, n), Command: selection.command(),
	}, nil
}

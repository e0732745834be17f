package promote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
)

// A model that cannot be computed is held: its table and the tables of models that read it stay as they were. The other models
// are committed with the pins of the step. These pins are not true of held tables, so held tables lose the digest of their
// model, and the first step that can compute them computes all of their days. Every table that has its model's digest is a
// function of silver.

const (
	// failedProperty names the property of a gold table that says, as JSON, why it is held. It is empty when the table is not.
	failedProperty = "millrace.model-failed"
	// heldDigest replaces the model's digest in a held table. No model has it.
	heldDigest = "held"
)

// mark is the content of failedProperty.
type mark struct {
	Model  string `json:"model"`  // the model that failed: the table's own, or one that it reads
	Digest string `json:"digest"` // of that model
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
	Fatal  bool   `json:"fatal,omitempty"`
	// Program is the one that a fatal failure ended. Another one tries the model again.
	Program string `json:"program,omitempty"`
}

func (m mark) failure() *gold.Failure {
	return &gold.Failure{Model: m.Model, File: m.File, Line: m.Line, Reason: m.Reason, Fatal: m.Fatal}
}

func markOf(t *lake.Table) (m mark, ok bool) {
	if t == nil || t.Meta.Properties()[failedProperty] == "" {
		return mark{}, false
	}
	return m, json.Unmarshal([]byte(t.Meta.Properties()[failedProperty]), &m) == nil
}

// failures lists models that cannot be computed, with the reasons.
type failures []*gold.Failure

func (fs failures) names() []string {
	var names []string
	for _, f := range fs {
		names = append(names, f.Model)
	}
	return names
}

func (fs failures) String() string {
	var texts []string
	for _, f := range fs {
		texts = append(texts, f.Error())
	}
	return "its table stays as it was, and gold's other tables go on: " + strings.Join(texts, "; ") + "; mend the model, or the rows in bronze"
}

const (
	// firstTurn and lastTurn bound the pause after a failure.
	firstTurn, lastTurn = time.Second, 10 * time.Minute
	// turnShare limits a failing model to 1/50 of run time.
	turnShare = 50
)

// wait sets the time of the next try of a model that took some time to fail.
func (g *Gold) wait(f *gold.Failure, took time.Duration) {
	g.turns[f.Model] = g.cfg.now().Add(min(max(firstTurn, turnShare*took), lastTurn))
}

// held returns the models to leave out now: those that wait for their turn, and those that ended the database and have not
// changed since.
func (g *Gold) held(view *lake.View) failures {
	var held failures
	for _, m := range g.set.Models {
		t, ok := markOf(view.Tables[m.Name])
		if !ok || t.Model != m.Name || t.Digest != m.Digest {
			delete(g.turns, m.Name)
			continue
		}
		if t.Fatal && t.Program == g.cfg.Deaths.programNow() || g.cfg.now().Before(g.turns[m.Name]) {
			held = append(held, t.failure())
		}
	}
	return held
}

// known tells whether a model's table is marked with a failure already, whatever rows that failure names.
func (g *Gold) known(view *lake.View, f *gold.Failure) bool {
	m, ok := markOf(view.Tables[f.Model])
	now, there := g.set.Model(f.Model)
	return ok && there && m.Model == f.Model && m.Digest == now.Digest
}

// marks returns the changes that mark the tables of held models and of models that read them.
func (g *Gold) marks(view *lake.View, held failures) []lake.Change {
	var changes []lake.Change
	computed := g.set.Without(held.names()...)
	for _, m := range g.set.Models {
		if _, ok := computed.Model(m.Name); ok {
			continue
		}
		t := view.Tables[m.Name]
		text := g.markText(m, held)
		if t != nil && (t.Meta.Properties()[failedProperty] != text || t.Meta.Properties()[digestProperty] != heldDigest) {
			changes = append(changes, lake.Change{Base: t, Properties: iceberg.Properties{failedProperty: text, digestProperty: heldDigest}})
		}
	}
	return changes
}

// markText returns the mark for a model's table. It names the model's own failure, or the first failure among the models that it
// reads.
func (g *Gold) markText(m *gold.Model, held failures) string {
	i := slices.IndexFunc(held, func(f *gold.Failure) bool { return f.Model == m.Name })
	if i < 0 {
		i = slices.IndexFunc(held, func(f *gold.Failure) bool {
			_, ok := g.set.Without(f.Model).Model(m.Name)
			return !ok
		})
	}
	f := held[i]
	of, _ := g.set.Model(f.Model)
	made := mark{Model: f.Model, Digest: of.Digest, File: f.File, Line: f.Line, Reason: f.Reason, Fatal: f.Fatal}
	if f.Fatal {
		made.Program = g.cfg.Deaths.programNow()
	}
	text, err := json.Marshal(made)
	if err != nil {
		panic(fmt.Sprintf("mark %s: %v", m.Name, err)) // cannot happen: a mark has strings and numbers only
	}
	return string(text)
}

// hold marks tables and commits nothing else. It finishes even while the reactor stops: without the mark the next start would
// meet the same failure.
func (g *Gold) hold(ctx context.Context, held failures) error {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return g.cfg.Metrics.retry().Do(ctx, func() error {
		view, err := g.cfg.Lake.OwnView(ctx)
		if err != nil {
			return err
		}
		_, err = g.cfg.Lake.Commit(ctx, g.marks(view, held), nil)
		return err
	})
}

// TryAgain computes failed models when their turn comes, without waiting for an event, until ctx ends.
func (g *Gold) TryAgain(ctx context.Context) error {
	tick := time.NewTicker(firstTurn)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !g.due() {
			continue
		}
		if err := g.Bring(ctx); err != nil && ctx.Err() == nil {
			g.cfg.Log.Error("cannot try gold's failed models again", "error", err)
		}
	}
}

// due tells whether a model's turn has come. After the database has ended, no turn comes.
func (g *Gold) due() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.cfg.DB.Ended():
		return false
	default:
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(g.turns)), func(at time.Time) bool { return !g.cfg.now().Before(at) })
}

// Failed returns an error that names each model that cannot be computed, with its file and the reason. It returns nil if all can.
func Failed(view *lake.View) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		if m, ok := markOf(view.Tables[name]); ok && m.Model == name {
			all = append(all, m.failure())
		}
	}
	return errors.Join(all...)
}

// StateOf says why the reactor does not keep a gold table current: "gone" when its model is gone, "failed" when its model or one
// that it reads cannot be computed, "rolled back" until the next step recomputes it. It returns "" for a table that is kept
// current.
func StateOf(t *lake.Table) string {
	switch digest, made := t.Meta.Properties()[digestProperty]; {
	case made && digest == "":
		return "gone"
	case digest == heldDigest:
		return "failed"
	case digest == rolledBack:
		return rolledBack
	}
	return ""
}

// killers adds the models that killed the process to those that are held, and returns those that nobody was told of yet.
func (g *Gold) killers(view *lake.View, held failures) (fresh, all failures) {
	for _, f := range g.cfg.Deaths.held(g.set) {
		if slices.Contains(held.names(), f.Model) {
			continue
		}
		held = append(held, f)
		if !g.known(view, f) {
			fresh = append(fresh, f)
			g.cfg.Log.Error("a model is held because the reactor died of it; its table stays as it was", "model", f.Model, "error", f)
		}
	}
	return fresh, held
}

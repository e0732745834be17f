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

// A model that cannot be computed is held: its table stays as it was, and so do the tables of the models that read it. The
// other models are committed with the pins of the step. The pins then say nothing of the held tables, so these lose the
// digest of their model: the step that can compute them again computes all of their days. Gold stays a function of silver
// wherever a table has its digest.

const (
	// failedProperty of a gold table says, as JSON, why it is held. Empty when it is not.
	failedProperty = "millrace.model-failed"
	// heldDigest stands where the digest of a held table's model was: no model has it.
	heldDigest = "held"
)

// mark is the content of failedProperty.
type mark struct {
	Model  string `json:"model"`  // that failed: the table's own, or one that it reads
	Digest string `json:"digest"` // of that model
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
	Fatal  bool   `json:"fatal,omitempty"`
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

// failures are models that cannot be computed, and why.
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
	// turnShare: a model that fails costs one part of so many of the time.
	turnShare = 50
)

// wait sets when a model is tried again that failed after some time.
func (g *Gold) wait(f *gold.Failure, took time.Duration) {
	g.turns[f.Model] = g.cfg.now().Add(min(max(firstTurn, turnShare*took), lastTurn))
}

// held returns the models that are not to be tried now: those that wait for their turn, and those that ended the database
// and have not changed since.
func (g *Gold) held(view *lake.View) failures {
	var held failures
	for _, m := range g.set.Models {
		t, ok := markOf(view.Tables[m.Name])
		if !ok || t.Model != m.Name || t.Digest != m.Digest {
			delete(g.turns, m.Name)
			continue
		}
		if t.Fatal || g.cfg.now().Before(g.turns[m.Name]) {
			held = append(held, t.failure())
		}
	}
	return held
}

// known tells whether a failure is the one that is marked already, but for what its text says of single rows.
func (g *Gold) known(view *lake.View, f *gold.Failure) bool {
	m, ok := markOf(view.Tables[f.Model])
	now, there := g.set.Model(f.Model)
	return ok && there && m.Model == f.Model && m.Digest == now.Digest
}

// marks returns the changes that mark the tables of held models, and of those that read them.
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

// markText is the mark of a model's table: of its own failure, or of the first one among those that it reads.
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
	text, err := json.Marshal(mark{Model: f.Model, Digest: of.Digest, File: f.File, Line: f.Line, Reason: f.Reason, Fatal: f.Fatal})
	if err != nil {
		panic(fmt.Sprintf("mark %s: %v", m.Name, err)) // strings and numbers
	}
	return string(text)
}

// hold marks tables and commits nothing else. It does so even while the reactor ends: without the mark the next start would
// run into the same failure.
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

// TryAgain computes models that failed, when their turn comes and no event does, until ctx ends.
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
			g.cfg.Log.Error("gold's models that failed could not be tried again", "error", err)
		}
	}
}

// due tells whether the turn of a model has come. There is none where the database has ended.
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

// Failed returns an error that names the models which cannot be computed, each with its file and the reason; nil when there
// are none.
func Failed(view *lake.View) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		if m, ok := markOf(view.Tables[name]); ok && m.Model == name {
			all = append(all, m.failure())
		}
	}
	return errors.Join(all...)
}

// StateOf says in a word why the reactor does not keep a gold table up, and "" when it does: "gone" is for a table whose model
// is not there any more, "failed" for one whose model, or one that it reads, cannot be computed, "rolled back" for one that the
// next step computes anew.
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

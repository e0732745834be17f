package promote

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/namespace"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
	"millrace/reactor/tables"
)

// digestProperty names the property of a gold table that holds the digest of the model that made it.
const digestProperty = "millrace.model-digest"

// Gold brings all gold tables to silver's current snapshots in one commit. It is level-triggered: the pointers, the pins and the
// models decide what it does, never the event that woke it.
type Gold struct {
	cfg     Config
	set     *gold.Set
	conn    *duck.Conn            // computes models
	beside  *duck.Conn            // computes models at the same time
	auditor *duck.Conn            // audits rows while they are written
	writers map[string]*duck.Conn // by model: tables are written side by side
	extents map[string]extent     // by table
	turns   map[string]time.Time  // by model that failed: the time of its next try
	mending *mending              // of Mend, while it works; else nil
	waits   lake.Turns
	mu      sync.Mutex
	audited atomic.Pointer[gold.AuditError] // what holds gold back since the last step
}

// Written tells what a commit did to a gold table.
type Written struct {
	Table      string
	SnapshotID int64
	Since      int64     // the snapshot before, 0 for none
	Days       plan.Days // whose rows changed between the two
}

// NewGold makes the promoter of a set of models. It opens connections to the database; Close frees them.
func NewGold(cfg Config, set *gold.Set) (*Gold, error) {
	conns, err := connections(cfg.DB, 3+len(set.Models))
	if err != nil {
		return nil, err
	}
	if err := gold.Prepare(context.Background(), conns[0]); err != nil {
		closeAll(conns)
		return nil, err
	}
	cfg = cfg.withDefaults()
	g := &Gold{cfg: cfg, waits: cfg.turns(namespace.Gold), set: set, conn: conns[0], beside: conns[1], auditor: conns[2], writers: map[string]*duck.Conn{}, extents: map[string]extent{}, turns: map[string]time.Time{}}
	for i, m := range set.Models {
		g.writers[m.Name] = conns[3+i]
	}
	return g, nil
}

// Close frees the promoter's connections.
func (g *Gold) Close() {
	for _, c := range g.writers {
		c.Close()
	}
	g.auditor.Close()
	g.beside.Close()
	g.conn.Close()
}

// Tables returns the definitions of the tables that the promoter writes, for lake.Create.
func (g *Gold) Tables() []lake.Definition { return tables.OfGold(g.set) }

// Subjects lists the subjects whose events may mean work.
func (g *Gold) Subjects() []string {
	var subjects []string
	for _, t := range tables.Silver() {
		table, _ := silver.CutName(t)
		subjects = append(subjects, event.Route{Layer: event.Silver, Name: table}.Subject())
	}
	return subjects
}

// Handle works on events of silver's metadata files. Only one goroutine may call it at a time.
func (g *Gold) Handle(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	ctx = wake(ctx, batch)
	for i, d := range batch {
		errs[i] = g.awaitPointer(ctx, d)
	}
	err := g.bring(ctx, slices.ContainsFunc(batch, func(d event.Delivery) bool { return d.Run != "" }))
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
	return errs
}

const (
	// pointerPatience bounds the wait for a pointer that moves after its event came. That took at most 11 ms on a quiet
	// machine and more than 50 ms under load.
	pointerPatience = 250 * time.Millisecond
	// pointerAttempts is the number of deliveries, some 30 s, after which a metadata file counts as that of a commit that
	// failed.
	pointerAttempts = 9
)

// errPointerBehind says that the catalog does not name a metadata file yet. Its event is delivered again.
var errPointerBehind = errors.New("the catalog does not name this metadata file yet")

// awaitPointer waits until the pointer of an event's table has reached its metadata. The file is there some milliseconds before
// the pointer moves; a step that reads silver in between would miss the change.
func (g *Gold) awaitPointer(ctx context.Context, d event.Delivery) error {
	route, err := event.RouteOf(d.Object)
	if err != nil {
		return event.Deadf("%v", err)
	}
	version, err := lake.MetadataVersion(d.Object.Key)
	if err != nil {
		return event.Deadf("%v", err)
	}
	for deadline := g.cfg.now().Add(pointerPatience); ; {
		at, ok, err := g.cfg.Lake.Version(ctx, silver.TableName(route.Name))
		if err != nil {
			return err
		}
		if ok && at >= version {
			return nil
		}
		if g.cfg.now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	if d.Attempt >= pointerAttempts {
		return nil // the commit lost, or never happened
	}
	return errPointerBehind
}

// Audited returns the audit that holds all of gold back; nil when none does. Events fail no more once they are dead letters, and every
// model can be computed: nothing else would say that gold makes no progress.
func (g *Gold) Audited() error {
	if a := g.audited.Load(); a != nil {
		return a
	}
	return nil
}

// Bring computes what has changed since the last step and commits it. If a model cannot be computed, its table and the tables of
// models that read it stay as they were; the others go on. The error is a *event.DeadError when a model fails for the first time.
func (g *Gold) Bring(ctx context.Context) error { return g.bring(ctx, false) }

// bring does Bring's work. With again it reports known failures too, and tries models at once that wait for their turn.
func (g *Gold) bring(ctx context.Context, again bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if again {
		clear(g.turns)
	}
	var failed failures
	err := g.waits.Do(ctx, func() (err error) {
		failed, err = g.step(ctx, again)
		return err
	})
	var audit *gold.AuditError
	if ctx.Err() == nil {
		g.audited.Store(nil)
	}
	switch {
	case errors.As(err, &audit):
		g.audited.Store(audit)
		return event.DeadAs(event.Audited, "gold stays as it was: %v", audit)
	case err == nil && len(failed) > 0:
		return event.DeadAs(event.Model, "%v", failed)
	}
	return err
}

// step does the work of Bring once and returns the failures to report. When a model fails, step starts again without it, so that
// the others do not wait for it.
func (g *Gold) step(ctx context.Context, again bool) (failures, error) {
	view, err := g.cfg.Lake.OwnView(ctx)
	if err != nil {
		return nil, err
	}
	fresh, held := g.killers(view, g.held(view))
	for {
		started := g.cfg.now()
		err := g.attempt(ctx, view, held)
		var f *gold.Failure
		if !errors.As(err, &f) {
			return fresh, err
		}
		if g.mending.passes(f) {
			continue
		}
		held = append(held, f)
		fails := again || !g.known(view, f)
		if fails {
			fresh = append(fresh, f)
		}
		if _, before := g.turns[f.Model]; fails || !before {
			g.cfg.Log.Error("a model cannot be computed; its table stays as it was", "model", f.Model, "error", f)
		}
		g.wait(f, g.cfg.now().Sub(started))
		if f.Fatal { // the database has ended; the mark tells the next start
			return fresh, g.hold(ctx, held)
		}
	}
}

// attempt computes and commits all models that are not held.
func (g *Gold) attempt(ctx context.Context, view *lake.View, held failures) error {
	pins, set := g.pins(view), g.set.Without(held.names()...)
	set.Computing = g.computing
	if !g.cfg.Deaths.suspects(set) {
		set.Beside = g.beside
	}
	rebuild, marks := g.rebuild(view, set), g.marks(view, held)
	marks = append(marks, g.forget(view)...)
	if maps.Equal(pins.Tables, view.Pins.Tables) && len(rebuild) == 0 && len(marks) == 0 {
		return nil
	}
	ctx, end := waited(ctx, view, pins)
	defer end()
	c, err := g.change(ctx, view, set, rebuild)
	if err != nil {
		return err
	}
	verifyAgain(c, view, set)
	p, err := set.Plan(c)
	if err != nil {
		return err
	}
	commit := g.cfg.Lake.Begin(ctx)
	w := &work{Gold: g, set: set, view: view, plan: p, rebuild: rebuild, days: silverDays(c, set), summary: g.mending.summarize(summary(pins)), old: map[string]*rows.Held{}, changed: map[string]plan.Days{}, written: map[string]rows.Query{}, sorting: make(chan struct{}, sortedAtOnce)}
	defer w.release()
	if err := w.compute(ctx, commit); err != nil {
		return w.stopped(ctx, pins.Step, commit.Abandon(err))
	}
	for _, c := range marks {
		commit.Stage(func() (lake.Change, bool, error) { return c, true, nil })
	}
	next, err := commit.Finish(func(tx *lake.Tx, _ []*lake.Table) error {
		now := g.cfg.now()
		if err := tx.Pin(ctx, pins, now); err != nil {
			return err
		}
		return tx.RecordAudits(ctx, w.audited(pins.Step, now))
	})
	if err != nil {
		return w.stopped(ctx, pins.Step, err)
	}
	g.announce(pins.Step, view, next, w.changed)
	g.cfg.Metrics.countCommits(view, next)
	g.observeLatency(ctx, view, pins)
	for _, t := range next {
		g.cfg.fillCache(ctx, view.Tables[t.Name], t, w.written[t.Name])
	}
	return nil
}

// announce tells OnCommit which tables have new rows.
func (g *Gold) announce(step int64, before *lake.View, next []*lake.Table, changed map[string]plan.Days) {
	var written []Written
	for _, t := range next {
		if days := changed[t.Name]; !days.Empty() {
			written = append(written, Written{Table: t.Name, SnapshotID: t.SnapshotID(), Since: before.Tables[t.Name].SnapshotID(), Days: days})
		}
	}
	if g.cfg.OnCommit != nil && len(written) > 0 {
		g.cfg.OnCommit(step, written)
	}
}

// pins makes the pins of the next step: silver as the view shows it.
func (g *Gold) pins(view *lake.View) lake.Pins {
	p := lake.Pins{Step: view.Pins.Step + 1, Tables: map[string]lake.Pin{}}
	for _, name := range tables.Silver() {
		if t := view.Tables[name]; t != nil {
			p.Tables[name] = lake.Pin{SnapshotID: t.SnapshotID(), Sequence: t.Sequence()}
		}
	}
	return p
}

// stepProperty names the property of a gold snapshot that holds the step that made it.
const stepProperty = "millrace.step"

// StepOf returns the step that made the rows of a gold table's current snapshot. It skips snapshots of upkeep, which only rewrite
// files. It returns 0 for an empty table and for rows of another engine.
func StepOf(t *lake.Table) int64 {
	s := t.Snapshot()
	for s != nil && s.Summary != nil && s.Summary.Operation == table.OpReplace && s.ParentSnapshotID != nil {
		s = t.Meta.SnapshotByID(*s.ParentSnapshotID)
	}
	if s == nil || s.Summary == nil {
		return 0
	}
	step, err := strconv.ParseInt(s.Summary.Properties[stepProperty], 10, 64)
	if err != nil {
		return 0
	}
	return step
}

// summary makes a gold snapshot's summary: its step, and the silver snapshots that it was computed from.
func summary(p lake.Pins) iceberg.Properties {
	s := iceberg.Properties{stepProperty: strconv.FormatInt(p.Step, 10)}
	for name, pin := range p.Tables {
		s["millrace."+name] = strconv.FormatInt(pin.SnapshotID, 10)
	}
	return s
}

// outdated returns the models whose tables must be computed whole: another model or none made the table, another engine removed
// columns, or the lookback is not verified yet.
func outdated(view *lake.View, set *gold.Set) map[string]bool {
	rebuild := map[string]bool{}
	for _, m := range set.Models {
		if t := view.Tables[m.Name]; t == nil || t.Meta.Properties()[digestProperty] != m.Digest || fitOf(t.Meta, m).anew || !m.Ours && verificationOf(t).digest != m.Digest {
			rebuild[m.Name] = true
		}
	}
	return rebuild
}

// forget removes the digests of tables whose models are gone. These tables fall behind the pins from this step on. If such a
// model comes back, a missing digest makes it compute the table whole.
func (g *Gold) forget(view *lake.View) []lake.Change {
	var changes []lake.Change
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		t := view.Tables[name]
		if _, there := g.set.Model(name); !there && t.Meta.Properties()[digestProperty] != "" {
			changes = append(changes, lake.Change{Base: t, Properties: iceberg.Properties{digestProperty: "", failedProperty: ""}})
		}
	}
	return changes
}

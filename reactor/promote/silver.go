// Package promote brings bronze objects into silver, and silver into gold, so that the tables are a function of the object
// versions alone. Each promoter reads the lake, works out a change and commits it together with the ledger. If another commit
// comes first, it starts again from a fresh read.
package promote

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"

	"millrace/infra/tracing"
	"millrace/reactor/drift"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/namespace"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
	"millrace/reactor/tables"
)

// Silver promotes the objects of one dataset.
type Silver struct {
	cfg     Config
	dataset *silver.Dataset
	rows    merger // of the dataset's table
	refused merger // of rejected
	removal silver.Removal
	turns   lake.Turns

	watch   drift.Watch // of the dataset's objects
	defined bool        // the table has this definition
	rereads rereading   // whether objects wait that an earlier definition read
	busy    sync.Mutex
	shown   [2]string // the metadata of both tables in which no removal is undone
}

// NewSilver makes the promoter of a dataset. It opens two connections to the database; Close frees them.
func NewSilver(cfg Config, d *silver.Dataset) (*Silver, error) {
	cfg = cfg.withDefaults()
	conns, err := connections(cfg.DB, 2)
	if err != nil {
		return nil, err
	}
	return &Silver{
		cfg: cfg, dataset: d, watch: drift.New(d, nil, nil), removal: d.RemovalSQL(gold.SilverTime), turns: cfg.turns(namespace.Silver),
		rows: merger{
			lake: cfg.Lake, cache: cfg.Cache, conn: conns[0], sql: d.MergeSQL(), table: d.TableName(), columns: lake.ColumnNames(d.Schema()),
			time: gold.SilverTime, order: d.Key,
		},
		refused: merger{
			lake: cfg.Lake, cache: cfg.Cache, conn: conns[1], sql: silver.RejectedMergeSQL(), table: tables.Rejected, columns: lake.ColumnNames(silver.RejectedSchema()),
			time: "source_modified_at", order: silver.RejectedKey(),
		},
	}, nil
}

// Close frees the promoter's connections.
func (s *Silver) Close() {
	s.rows.conn.Close()
	s.refused.conn.Close()
}

// Tables returns the definitions of the tables that the promoter writes, for lake.Create.
func (s *Silver) Tables() []lake.Definition { return tables.OfDataset(s.dataset) }

// Handle promotes a batch of events: new objects in one commit, deleted ones in another. Only one goroutine may call it at a
// time.
func (s *Silver) Handle(ctx context.Context, batch []event.Delivery) []error {
	s.busy.Lock()
	defer s.busy.Unlock()
	errs := make([]error, len(batch))
	fresh, where, err := s.unanswered(ctx, batch)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	var gone []event.Delivery
	var whereGone []int
	for i, d := range batch {
		if d.Object.Removed {
			gone, whereGone = append(gone, d), append(whereGone, i)
		}
	}
	s.cfg.Metrics.duplicates(s.rows.table, len(batch)-len(fresh)-len(gone))
	if len(fresh) > 0 {
		for i, err := range s.handle(ctx, fresh) {
			if errs[where[i]] = err; isGone(err) {
				gone, whereGone = append(gone, fresh[i]), append(whereGone, where[i])
			}
		}
	}
	if len(gone) > 0 {
		for i, err := range s.remove(ctx, gone) {
			errs[whereGone[i]] = err
		}
	}
	return errs
}

// unanswered returns the deliveries that need work, and their places in the batch. The ledger answers copies of live events, so
// that a million copies do not delay new objects. A replay always needs work.
func (s *Silver) unanswered(ctx context.Context, batch []event.Delivery) (fresh []event.Delivery, where []int, err error) {
	var ids []string
	for _, d := range batch {
		if d.Run == "" && !d.Object.Removed {
			ids = append(ids, string(d.Object.ID()))
		}
	}
	outcomes, err := s.cfg.Lake.Outcomes(ctx, s.dataset.Table, ids)
	if err != nil {
		return nil, nil, err
	}
	for i, d := range batch {
		if d.Object.Removed {
			continue // remove asks bronze whether it is gone
		}
		outcome := outcomes[string(d.Object.ID())]
		// A second delivery of a dead event may have no dead letter yet: its reactor may have died in between.
		if d.Run == "" && (outcome == lake.OutcomeDone || outcome == lake.OutcomeDead && d.Attempt == 1) {
			continue
		}
		fresh, where = append(fresh, d), append(where, i)
	}
	return fresh, where, nil
}

func (s *Silver) handle(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	objects, which := distinct(batch)
	ctx, end := served(ctx, s.rows.table, batch)
	defer end()
	var results []error
	err := s.turns.Do(ctx, func() (err error) {
		results, err = s.promote(ctx, objects)
		return err
	})
	for i := range batch {
		if errs[i] = err; err == nil {
			errs[i] = results[which[i]]
		}
	}
	s.cfg.Metrics.promoted(s.rows.table, batch, errs, s.cfg.now())
	return errs
}

// distinct drops repeats of one object; which[i] is delivery i's index in objects.
func distinct(batch []event.Delivery) (objects []event.Delivery, which []int) {
	at := map[event.ID]int{}
	for _, d := range batch {
		id := d.Object.ID()
		n, ok := at[id]
		if !ok {
			n = len(objects)
			at[id] = n
			objects = append(objects, d)
		} else if d.Run != "" {
			objects[n].Run = d.Run // the replay counts its events by the ledger
		}
		which = append(which, n)
	}
	return objects, which
}

// promote does the work of Handle once. It returns an error for each object, and one for the whole batch.
func (s *Silver) promote(ctx context.Context, batch []event.Delivery) ([]error, error) {
	view, err := s.cfg.Lake.OwnView(ctx)
	if err != nil {
		return nil, err
	}
	if view, err = s.removeAgain(ctx, view); err != nil {
		return nil, err
	}
	own, err := view.Table(s.rows.table)
	if err == nil {
		err = s.defines(own)
	}
	if err != nil {
		return nil, err
	}
	w := &silverWork{Silver: s, view: view, again: slices.ContainsFunc(batch, func(d event.Delivery) bool { return d.Attempt > 1 })}
	defer w.release()
	if err := w.decode(ctx, batch); err != nil {
		return nil, err
	}
	if again, err := w.redo(ctx, batch[0].Object.Bucket); err != nil {
		return nil, err
	} else if again {
		return s.promote(ctx, batch)
	}
	if err := w.merge(ctx, batch[0].Run); err != nil {
		return nil, err
	}
	w.observe(batch, own)
	next, err := w.commit(ctx, func(tx *lake.Tx, next []*lake.Table) (err error) {
		if own, err = tableAfter(ctx, tx, own, next); err != nil {
			return err
		}
		return tx.Record(ctx, s.entries(batch, w.errs, own)...)
	})
	if err == nil {
		s.rememberCommit(next)
		w.tellDrift()
		s.cfg.Metrics.countCommits(view, next)
		s.cfg.Metrics.decoded(s.rows.table, batch, w.errs, w.in)
		// Fill the cache while the event of this commit is on its way to gold.
		s.cfg.fillCache(ctx, view.Tables[own.Name], own, w.written)
	}
	w.forget(ctx)
	return w.errs, err
}

// largeBatch is the size of a batch's objects from which its decoded rows are dropped at its end. Those of a small one stay until the next
// begins, which saves a statement.
const largeBatch = 8 << 20

// forget drops the decoded rows of a large batch, so that gold has DuckDB's memory for itself.
func (w *silverWork) forget(ctx context.Context) {
	var bytes int64
	for _, o := range w.objects {
		bytes += o.Size
	}
	if bytes < largeBatch {
		return
	}
	if err := w.rows.conn.Exec(ctx, "drop table if exists incoming; drop table if exists changes"); err != nil && ctx.Err() == nil {
		w.cfg.Log.Warn("cannot drop the decoded rows of a large batch; they stay until the next", "error", err)
	}
}

// tableAfter returns what a commit makes of a table. A table that the commit leaves alone must still be the one that was read: with
// other rows in it, events that change nothing might have changed something.
func tableAfter(ctx context.Context, tx *lake.Tx, read *lake.Table, next []*lake.Table) (*lake.Table, error) {
	for _, t := range next {
		if t.Name == read.Name {
			return t, nil
		}
	}
	return read, tx.Unmoved(ctx, read)
}

// silverWork holds a batch from decoding to the end of its commit.
type silverWork struct {
	*Silver
	view    *lake.View
	again   bool // an object was delivered before
	in      *intake.Intake
	objects []event.Object
	errs    []error // by object
	changes []lake.Change
	watch   drift.Watch // after the batch
	news    drift.News
	written rows.Query    // for the rows that the commit writes to the dataset's own table
	pending *lake.Pending // the commit that has the files of an object that passed; else nil
	passed  *merged       // its change
	held    []func()      // called by release
	redone  map[int]bool  // those of objects that an earlier definition read
}

func (w *silverWork) release() {
	for _, release := range w.held {
		release()
	}
	if w.pending != nil {
		_ = w.pending.Abandon(errNoCommit) // what it cannot remove is an orphan
	}
}

// decode fetches and decodes the objects of a batch.
func (w *silverWork) decode(ctx context.Context, batch []event.Delivery) error {
	for _, d := range batch {
		w.objects = append(w.objects, d.Object)
	}
	if passed, err := w.pass(ctx); passed || err != nil {
		return err
	}
	err := w.begin(ctx, nil)
	if err == nil {
		w.errs, err = w.in.Fill(ctx, w.objects)
	}
	return err
}

// begin makes the intake, which keeps rows in DuckDB unless take takes them.
func (w *silverWork) begin(ctx context.Context, take func(arrow.RecordBatch) error) error {
	w.in = &intake.Intake{
		Client: w.cfg.Client, Dataset: w.dataset, Limits: w.cfg.Limits, Rows: w.rows.conn, Rejected: w.refused.conn,
		Journal: w.cfg.Journal, Again: w.again, Take: take,
	}
	return w.in.Begin(ctx)
}

// errNoCommit ends a commit whose files were written before something else failed.
var errNoCommit = errors.New("the commit did not come about")

// commit makes all changes.
func (w *silverWork) commit(ctx context.Context, inTx func(*lake.Tx, []*lake.Table) error) ([]*lake.Table, error) {
	p := w.pending
	if w.pending = nil; p == nil {
		return w.cfg.Lake.Commit(ctx, w.changes, inTx)
	}
	for _, c := range w.changes {
		p.Stage(func() (lake.Change, bool, error) { return c, true, nil })
	}
	return p.Finish(inTx)
}

// merge works out what the decoded and the refused rows change.
func (w *silverWork) merge(ctx context.Context, run string) error {
	merging, end := tracing.Span(ctx, "merge")
	defer end()
	for _, change := range []func(context.Context) (*merged, error){w.rowChange, w.refusedChange} {
		c, err := change(merging)
		if err != nil {
			return err
		}
		summary := iceberg.Properties{"millrace.objects": strconv.Itoa(len(w.objects)), lake.RunProperty: run}
		if tracing.On() {
			summary[traceProperty] = tracing.Parent(ctx)
		}
		w.take(c, summary)
		if c != nil && c.Base.Name == w.rows.table {
			w.written = c.written
		}
	}
	return nil
}

// take adds a change to the commit, if it is not nil.
func (w *silverWork) take(c *merged, summary iceberg.Properties) {
	if c == nil {
		return
	}
	w.held = append(w.held, c.release)
	c.Keep, c.Summary = w.view.Pins.Tables[c.Base.Name].SnapshotID, summary
	w.changes = append(w.changes, c.Change)
}

// rowChange works out what the decoded rows change in the dataset's table.
func (w *silverWork) rowChange(ctx context.Context) (*merged, error) {
	if w.passed != nil {
		return w.passed, nil
	}
	all, once, err := w.rows.incoming(ctx, w.dataset.Key, w.dataset.Schema())
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return w.rows.change(ctx, w.view, all, once)
}

// refusedChange replaces the refused rows of the objects that could be decoded, and takes those away of objects that could be before.
func (w *silverWork) refusedChange(ctx context.Context) (*merged, error) {
	var decoded []event.Object
	for i, o := range w.objects {
		if w.errs[i] == nil || w.redone[i] && unreadable(w.errs[i]) {
			decoded = append(decoded, o)
		}
	}
	return w.refusals(ctx, decoded)
}

// refusals replaces the refused rows of objects with the gathered ones. Usually there are none, old or new, and the bounds of the
// table's files show that at once.
func (w *silverWork) refusals(ctx context.Context, objects []event.Object) (*merged, error) {
	t, err := w.view.Table(w.refused.table)
	if err != nil {
		return nil, err
	}
	var all []bounds
	var decoded []string
	for _, o := range objects {
		us := o.ModifiedAt.UnixMicro()
		all = append(all, bounds{month: monthOf(o.ModifiedAt), loTime: us, hiTime: us, texts: []string{"source_key"}, loText: []string{o.Key}, hiText: []string{o.Key}})
		decoded = append(decoded, "("+duck.Quote(o.Key)+", "+duck.Quote(o.Version)+")")
	}
	files, err := w.refused.candidates(ctx, t, all)
	if err != nil || (w.in.Refused == 0 && len(files) == 0) {
		return nil, err
	}
	if err := errors.Join(w.in.Refuse(ctx), w.refused.conn.Exec(ctx, w.refused.sql.Decoded)); err != nil {
		return nil, err
	}
	if err := insertValues(ctx, w.refused.conn, "decoded", decoded); err != nil {
		return nil, err
	}
	return w.refused.change(ctx, w.view, all, false)
}

// insertValues inserts rows, written as SQL, into a table.
func insertValues(ctx context.Context, conn *duck.Conn, table string, values []string) error {
	for part := range slices.Chunk(values, 1000) {
		if err := conn.Exec(ctx, "insert into "+table+" values "+strings.Join(part, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// entries makes the ledger's entries for a batch. Objects that are tried again get none yet.
func (s *Silver) entries(batch []event.Delivery, errs []error, t *lake.Table) []lake.Entry {
	now := s.cfg.now()
	var entries []lake.Entry
	for i, d := range batch {
		action, _ := event.Outcome(errs[i], d.Attempt)
		if action == event.Retry || isGone(errs[i]) { // remove records a gone object
			continue
		}
		e := entryOf(d, now)
		e.Table, e.SnapshotID, e.Sequence = s.dataset.Table, t.SnapshotID(), t.Sequence()
		if action == event.Dead {
			e.Outcome, e.Reason = lake.OutcomeDead, errs[i].Error()
		}
		entries = append(entries, e)
	}
	return entries
}

func entryOf(d event.Delivery, now time.Time) lake.Entry {
	return lake.Entry{
		EventID: string(d.Object.ID()), SourceKey: d.Object.Key, SourceVersion: d.Object.Version, ModifiedAt: d.Object.ModifiedAt,
		Outcome: lake.OutcomeDone, Run: d.Run, At: now,
	}
}

// Package promote is what the reactor is for: it brings bronze objects into silver and silver into gold, so that the
// tables are a function of the object versions alone. Each promoter reads the lake, works out a change and commits it
// together with the ledger; when another commit comes first it starts again from a fresh read.
package promote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/minio/minio-go/v7"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
)

// Silver promotes the objects of one dataset.
type Silver struct {
	// Limits of an object; set them before the first batch. The check of the tables must know the same ones.
	Limits silver.Limits

	lake    *lake.Lake
	client  *minio.Client
	dataset *silver.Dataset
	log     *slog.Logger
	metrics *Metrics
	rows    merger // of the dataset's table
	refused merger // of rejected
	now     func() time.Time
}

// NewSilver makes the promoter of a dataset. It uses two connections to the database, which Close frees.
func NewSilver(l *lake.Lake, client *minio.Client, d *silver.Dataset, db *duck.DB, cache *rows.Cache, log *slog.Logger, metrics *Metrics) (*Silver, error) {
	own, err := db.Connect()
	if err != nil {
		return nil, err
	}
	refused, err := db.Connect()
	if err != nil {
		own.Close()
		return nil, err
	}
	return &Silver{
		lake: l, client: client, dataset: d, log: log, metrics: metrics, now: time.Now,
		rows: merger{
			lake: l, cache: cache, conn: own, sql: d.MergeSQL(), table: "silver." + d.Table, time: gold.SilverTime, order: d.Key,
		},
		refused: merger{
			lake: l, cache: cache, conn: refused, sql: silver.RejectedMergeSQL(), table: "silver." + silver.RejectedTable,
			time: "source_modified_at", order: silver.RejectedKey(),
		},
	}, nil
}

// Close frees the promoter's connections.
func (s *Silver) Close() {
	s.rows.conn.Close()
	s.refused.conn.Close()
}

// Tables are those that the promoter writes, for lake.Create.
func (s *Silver) Tables() []lake.Definition { return Definitions(s.dataset) }

// maxConflicts is how often a commit is tried again at once; after that the events come back later.
const maxConflicts = 20

// Handle promotes a batch of events in one commit. It is for one goroutine at a time.
func (s *Silver) Handle(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	fresh, where, err := s.unanswered(ctx, batch)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	s.metrics.duplicates(s.rows.table, len(batch)-len(fresh))
	if len(fresh) == 0 {
		return errs
	}
	for i, err := range s.handle(ctx, fresh) {
		errs[where[i]] = err
	}
	return errs
}

// unanswered are the deliveries that need work, and their places in the batch. A copy of a live event is answered from the
// ledger: a million of them must not stand in front of what is new. A replay is never answered so.
func (s *Silver) unanswered(ctx context.Context, batch []event.Delivery) (fresh []event.Delivery, where []int, err error) {
	var ids []string
	for _, d := range batch {
		if d.Run == "" {
			ids = append(ids, string(d.Object.ID()))
		}
	}
	outcomes, err := s.lake.Outcomes(ctx, s.dataset.Table, ids)
	if err != nil {
		return nil, nil, err
	}
	for i, d := range batch {
		outcome := outcomes[string(d.Object.ID())]
		// What is delivered again after it was found dead may have no dead letter yet: its reactor died in between.
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
	results, err := retryConflicts(ctx, s.metrics, func() ([]error, error) { return s.promote(ctx, objects) })
	for i := range batch {
		if errs[i] = err; err == nil {
			errs[i] = results[which[i]]
		}
	}
	s.metrics.promoted(s.rows.table, batch, errs, s.now())
	return errs
}

// distinct are the deliveries without repeats of one object, and for each delivery which one it is.
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

// retryConflicts works something out again until no other commit came first.
func retryConflicts[T any](ctx context.Context, metrics *Metrics, work func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, err := work()
		if !errors.Is(err, lake.ErrConflict) || attempt == maxConflicts {
			return result, err
		}
		metrics.conflicts.Inc()
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-time.After(time.Duration(rand.Int64N(int64(attempt) * int64(5*time.Millisecond)))):
		}
	}
}

// promote does the work of Handle once. The error is that of the batch; the others are those of single objects.
func (s *Silver) promote(ctx context.Context, batch []event.Delivery) ([]error, error) {
	objects := make([]event.Object, len(batch))
	for i, d := range batch {
		objects[i] = d.Object
	}
	view, err := s.lake.View(ctx)
	if err != nil {
		return nil, err
	}
	in := incoming{client: s.client, dataset: s.dataset, limits: s.Limits, rows: s.rows.conn, rejected: s.refused.conn, credits: make([]int, len(batch))}
	if err := in.begin(ctx); err != nil {
		return nil, err
	}
	errs, err := in.fill(ctx, objects)
	if err != nil {
		return nil, err
	}
	var changes []lake.Change
	var written given // to the dataset's own table
	merging, end := tracing.Span(ctx, "merge")
	defer func() { end() }()
	for _, work := range []func() (*merged, error){
		func() (*merged, error) { return s.rowChange(merging, view) },
		func() (*merged, error) { return s.refusedChange(merging, view, &in, objects, errs) },
	} {
		c, err := work()
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		defer c.release()
		c.Keep = view.Pins.Tables[c.Base.Name].SnapshotID
		c.Summary = iceberg.Properties{"millrace.objects": strconv.Itoa(len(objects)), "millrace.run": batch[0].Run}
		if tracing.On() {
			c.Summary[traceProperty] = tracing.Parent(ctx)
		}
		changes = append(changes, c.Change)
		if c.Base.Name == s.rows.table {
			written = c.given
		}
	}
	own, err := view.Table(s.rows.table)
	if err != nil {
		return nil, err
	}
	end()
	end = func() {}
	next, err := s.lake.Commit(ctx, changes, func(tx *lake.Tx, next []*lake.Table) error {
		for _, t := range next {
			if t.Name == own.Name {
				own = t
			}
		}
		return tx.Record(ctx, s.entries(batch, errs, own)...)
	})
	if err == nil {
		s.metrics.committed(view, next)
		s.metrics.decoded(s.rows.table, batch, errs, &in)
		// While the event of this commit is on its way to gold.
		keepAtHand(ctx, s.rows.cache, s.log, view.Tables[own.Name], own, written)
	}
	return errs, err
}

func (s *Silver) rowChange(ctx context.Context, view *lake.View) (*merged, error) {
	boxes, once, err := s.rows.boxes(ctx, s.dataset.Key, s.dataset.Schema())
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	return s.rows.change(ctx, view, boxes, once)
}

// refusedChange replaces the refused rows of the objects that could be read. Mostly there are none, before or now, and
// the table's file bounds tell so.
func (s *Silver) refusedChange(ctx context.Context, view *lake.View, in *incoming, objects []event.Object, errs []error) (*merged, error) {
	t, err := view.Table(s.refused.table)
	if err != nil {
		return nil, err
	}
	var boxes []box
	var decoded []string
	for i, o := range objects {
		if errs[i] != nil {
			continue
		}
		us := o.ModifiedAt.UnixMicro()
		month := (o.ModifiedAt.Year()-1970)*12 + int(o.ModifiedAt.Month()) - 1
		boxes = append(boxes, box{month: month, loTime: us, hiTime: us, texts: []string{"source_key"}, loText: []string{o.Key}, high: []string{o.Key}})
		decoded = append(decoded, "("+duck.Quote(o.Key)+", "+duck.Quote(o.Version)+")")
	}
	files, err := s.refused.candidates(ctx, t, boxes)
	if err != nil || (in.refused == 0 && len(files) == 0) {
		return nil, err
	}
	if err := errors.Join(in.refuse(ctx), s.refused.conn.Exec(ctx, s.refused.sql.Decoded)); err != nil {
		return nil, err
	}
	for len(decoded) > 0 {
		part := decoded[:min(len(decoded), 1000)]
		decoded = decoded[len(part):]
		if err := s.refused.conn.Exec(ctx, "insert into decoded values "+strings.Join(part, ", ")); err != nil {
			return nil, err
		}
	}
	return s.refused.change(ctx, view, boxes, false)
}

// entries are what the ledger says of the batch once it is committed; objects that are tried again have none yet.
func (s *Silver) entries(batch []event.Delivery, errs []error, t *lake.Table) []lake.Entry {
	now := s.now()
	var entries []lake.Entry
	for i, d := range batch {
		action, _ := event.Outcome(errs[i], d.Attempt)
		if action == event.Retry {
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

// Stray records the events that nobody waits for, and makes them dead letters.
type Stray struct {
	lake *lake.Lake
}

// NewStray makes the promoter of strays.
func NewStray(l *lake.Lake) *Stray { return &Stray{l} }

// Handle gives every object up, with the reason.
func (s *Stray) Handle(ctx context.Context, batch []event.Delivery) []error {
	errs := make([]error, len(batch))
	var entries []lake.Entry
	for i, d := range batch {
		route, err := event.RouteOf(d.Object)
		if err != nil {
			errs[i] = event.DeadAs(event.Unrouted, "%v", err)
		} else {
			errs[i] = event.DeadAs(event.Unrouted, "no dataset %q is defined: define it (reactor/silver/datasets), then `reactor dlq retry`", route.Name)
		}
		e := entryOf(d, time.Now())
		e.Outcome, e.Reason = lake.OutcomeDead, errs[i].Error()
		entries = append(entries, e)
	}
	if err := s.lake.Record(ctx, entries...); err != nil {
		for i := range errs {
			errs[i] = fmt.Errorf("record strays: %w", err)
		}
	}
	return errs
}

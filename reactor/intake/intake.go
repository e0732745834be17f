// Package intake turns bronze objects into rows in DuckDB: it fetches an object version, decodes it by its dataset's
// definition and pours its rows and its refused rows into tables. The promoter of silver and the proof both take their rows
// from here.
package intake

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/infra/tracing"
	"millrace/ingestor/bronze"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/silver"
)

const (
	// fetchers is how many objects are fetched and decoded side by side.
	fetchers = 8
	// groupObjects and groupBytes bound the objects whose rows go into DuckDB together. Memory holds the rows of two groups, however
	// many objects a batch has.
	groupObjects = 256
	groupBytes   = 8 << 20
)

// decoded holds the rows of a small object, or a part of those of a large one.
type decoded struct {
	rows, rejected []arrow.RecordBatch
}

func (d *decoded) Rows(b arrow.RecordBatch) error {
	b.Retain()
	d.rows = append(d.rows, b)
	return nil
}

func (d *decoded) Rejected(b arrow.RecordBatch) error {
	b.Retain()
	d.rejected = append(d.rejected, b)
	return nil
}

func (d *decoded) release() {
	for _, batches := range [][]arrow.RecordBatch{d.rows, d.rejected} {
		for _, b := range batches {
			b.Release()
		}
	}
}

// Intake gathers the rows of a batch of objects in DuckDB: in the table incoming of the connection Rows, and the refused
// ones in the table incoming of the connection Rejected. They may be larger than memory.
type Intake struct {
	Client         *minio.Client
	Dataset        *silver.Dataset
	Limits         silver.Limits // of an object
	Rows, Rejected *duck.Conn
	// Journal knows the objects that end the process (nil: they are not noted).
	Journal *Journal
	// Take, when set, takes the rows of large objects in place of the table incoming. An error of it is that of the object.
	Take func(arrow.RecordBatch) error
	// Again: an object of the batch was delivered before. Its reactor may have died of it, whatever its kind.
	Again bool

	// Shapes is what the rows of each object of the last batch looked like; without rows for one that could not be read.
	Shapes []silver.Shape
	// Refused is the number of refused rows so far.
	Refused int64
	// Credits is what each object of the last batch cost, as its metadata says; 0 for objects of other origin.
	Credits []int

	refusing bool // the table for refused rows is there; mostly there are none, and it is not needed
}

// Begin empties the table in which rows gather.
func (in *Intake) Begin(ctx context.Context) error {
	return in.Rows.Exec(ctx, in.Dataset.MergeSQL().Incoming)
}

// Refuse empties the table in which refused rows gather, the first time that it is called.
func (in *Intake) Refuse(ctx context.Context) error {
	if in.refusing {
		return nil
	}
	in.refusing = true
	return in.Rejected.Exec(ctx, silver.RejectedMergeSQL().Incoming)
}

// KeepRefused says that the table for refused rows is there and keeps what it has: other datasets' rows are in it.
func (in *Intake) KeepRefused() { in.refusing = true }

// Large tells whether an object's rows come as a stream, because they may not fit into memory.
func Large(o event.Object) bool { return o.Size > wholeObject }

// Fill decodes the objects into the two tables. It returns one error for each object: nil, a DeadError if the object cannot
// be read (the tables have nothing of it), or the failure of the store.
func (in *Intake) Fill(ctx context.Context, objects []event.Object) ([]error, error) {
	ctx, end := tracing.Span(ctx, "decode")
	defer end()
	in.Credits, in.Shapes = make([]int, len(objects)), make([]silver.Shape, len(objects))
	errs := make([]error, len(objects))
	if err := in.fillSmall(ctx, objects, errs); err != nil {
		return nil, err
	}
	for i, o := range objects {
		if !Large(o) {
			continue
		}
		var err error
		if errs[i], err = in.fillLarge(ctx, i, o); err != nil {
			return nil, err
		}
	}
	return errs, nil
}

// fillSmall decodes small objects group by group. While the rows of a group go into DuckDB, the next group is fetched and decoded.
func (in *Intake) fillSmall(ctx context.Context, objects []event.Object, errs []error) error {
	inserting, ctx := errgroup.WithContext(ctx)
	inserting.SetLimit(1)
	for group := range groups(objects) {
		all := in.decodeGroup(ctx, objects, group, errs)
		inserting.Go(func() error {
			defer all.release()
			return in.insert(ctx, all.rows, all.rejected)
		})
	}
	return inserting.Wait()
}

// groups yields the places of small objects, some at a time.
func groups(objects []event.Object) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		var group []int
		var bytes int64
		for i, o := range objects {
			if Large(o) {
				continue
			}
			group, bytes = append(group, i), bytes+o.Size
			if len(group) < groupObjects && bytes < groupBytes {
				continue
			}
			if !yield(group) {
				return
			}
			group, bytes = nil, 0
		}
		if len(group) > 0 {
			yield(group)
		}
	}
}

// decodeGroup fetches and decodes some objects side by side. It leaves out those that cannot be read, and puts their errors where they
// belong.
func (in *Intake) decodeGroup(ctx context.Context, objects []event.Object, group []int, errs []error) (all decoded) {
	each := make([]decoded, len(group))
	var g errgroup.Group
	g.SetLimit(fetchers)
	for n, i := range group {
		g.Go(func() error {
			if errs[i] = in.decode(ctx, i, objects[i], &each[n]); errs[i] != nil {
				each[n].release()
				each[n] = decoded{}
			}
			return nil
		})
	}
	_ = g.Wait() // no function returns an error
	for _, d := range each {
		all.rows, all.rejected = append(all.rows, d.rows...), append(all.rejected, d.rejected...)
	}
	return all
}

// fillLarge pours one object into the tables within a transaction. If its end cannot be read, its beginning is rolled back.
func (in *Intake) fillLarge(ctx context.Context, i int, o event.Object) (objectErr, err error) {
	if err := in.Refuse(ctx); err != nil {
		return nil, err
	}
	before := in.Refused
	if err := in.both(ctx, "begin"); err != nil {
		return nil, err
	}
	if objectErr = in.pour(ctx, i, o); objectErr == nil {
		return nil, in.both(ctx, "commit")
	}
	in.Refused = before
	return objectErr, in.both(context.WithoutCancel(ctx), "rollback")
}

func (in *Intake) both(ctx context.Context, sql string) error {
	return errors.Join(in.Rows.Exec(ctx, sql), in.Rejected.Exec(ctx, sql))
}

// pour decodes an object and inserts its batches at the same time.
func (in *Intake) pour(ctx context.Context, i int, o event.Object) error {
	g, ctx := errgroup.WithContext(ctx)
	s := stream{ctx, make(chan decoded)}
	g.Go(func() error {
		for d := range s.out {
			err := in.insert(ctx, d.rows, d.rejected)
			d.release()
			if err != nil {
				return err
			}
		}
		return nil
	})
	g.Go(func() error {
		defer close(s.out)
		return in.decode(ctx, i, o, s)
	})
	return g.Wait()
}

// stream is the sink of a large object: each batch goes on at once.
type stream struct {
	ctx context.Context
	out chan decoded
}

func (s stream) Rows(b arrow.RecordBatch) error {
	b.Retain()
	return s.send(decoded{rows: []arrow.RecordBatch{b}})
}

func (s stream) Rejected(b arrow.RecordBatch) error {
	b.Retain()
	return s.send(decoded{rejected: []arrow.RecordBatch{b}})
}

func (s stream) send(d decoded) error {
	select {
	case s.out <- d:
		return nil
	case <-s.ctx.Done():
		d.release()
		return context.Cause(s.ctx)
	}
}

// observed is a sink that keeps an object's shape.
type observed struct {
	silver.Sink
	shape *silver.Shape
}

func (o observed) Seen(s silver.Shape) { *o.shape = s }

func (in *Intake) insert(ctx context.Context, rows, rejected []arrow.RecordBatch) error {
	if len(rows) > 0 && in.Take != nil {
		for _, b := range rows {
			if err := in.Take(b); err != nil {
				return err
			}
		}
	} else if len(rows) > 0 {
		if err := in.Rows.Insert(ctx, "incoming", in.Dataset.ArrowSchema(), rows...); err != nil {
			return err
		}
	}
	if len(rejected) > 0 {
		if err := in.Refuse(ctx); err != nil {
			return err
		}
		for _, b := range rejected {
			in.Refused += b.NumRows()
		}
		return in.Rejected.Insert(ctx, "incoming", silver.RejectedArrowSchema(), rejected...)
	}
	return nil
}

func (in *Intake) decode(ctx context.Context, i int, o event.Object, sink silver.Sink) error {
	var bad *silver.Unreadable
	if errors.As(in.Limits.Object(o.Size), &bad) {
		return event.DeadAs(class(bad), "%s", bad.Reason)
	}
	fetching, fetched := tracing.Span(ctx, "fetch")
	p, err := fetch(fetching, in.Client, o)
	fetched()
	if err != nil {
		return err
	}
	if errors.As(in.Limits.Object(p.size), &bad) { // the event's size was wrong
		return event.DeadAs(class(bad), "%s", bad.Reason)
	}
	in.Credits[i], _ = strconv.Atoi(p.metadata[bronze.MetaCredits]) // 0 where it is no number
	ctx, end := tracing.Span(ctx, "decode object")
	defer end()
	key, err := bronze.ParseKey(o.Key)
	if err != nil {
		return event.DeadAs(event.Unrouted, "%v", err)
	}
	src := silver.Source{
		Key: o.Key, Version: o.Version, ModifiedAt: o.ModifiedAt, IngestDate: key.IngestDate, Metadata: p.metadata, Limits: in.Limits,
	}
	decode := func() error { return in.Dataset.Decode(ctx, src, p, observed{sink, &in.Shapes[i]}) }
	if in.Journal != nil && (in.Again || key.Ext == bronze.Parquet || p.whole == nil) {
		try := func() error { return in.Journal.Try(ctx, in.Dataset, src, p) }
		err = in.Journal.watch(ctx, o, try, decode)
	} else {
		err = decode() // a small JSON object, as most are: not even a file
	}
	if errors.As(err, &bad) {
		return event.DeadAs(class(bad), "%s", bad.Reason)
	}
	return err
}

// class is that of the dead letter that an unreadable object becomes.
func class(bad *silver.Unreadable) event.Class {
	if bad.Limit {
		return event.TooLarge
	}
	return event.Unreadable
}

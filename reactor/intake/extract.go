package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/reactor/event"
	"millrace/reactor/silver"
)

// Extract decodes objects for another engine: it writes their rows as a stream of Arrow. The engine's workers start it as a process,
// so that an object becomes the same rows, refused rows and dead letters there as in the reactor.
type Extract struct {
	Client  *minio.Client
	Dataset *silver.Dataset
	Limits  silver.Limits // of an object
	// Dir is where the rows of a large object wait until its end is known to be sound; "" is the system's folder for such files.
	Dir string
}

// Write decodes the objects side by side and writes their rows to w. It ends with the first object that cannot be fetched: one that
// cannot be read is an outcome.
func (e Extract) Write(ctx context.Context, objects iter.Seq2[event.Object, error], w io.Writer) error {
	shape := newExtracted(e.Dataset)
	out := &gathering{to: ipc.NewWriter(w, ipc.WithSchema(shape.schema)), schema: shape.schema}
	defer out.release()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for o, err := range objects {
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return e.one(ctx, shape, o, out) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return out.close()
}

// one decodes an object and hands its rows on when they are known to be sound.
func (e Extract) one(ctx context.Context, shape extracted, o event.Object, out *gathering) error {
	in := &Intake{Client: e.Client, Dataset: e.Dataset, Limits: e.Limits, Credits: make([]int, 1), Shapes: make([]silver.Shape, 1)}
	if o.Size > wholeObject {
		return e.large(ctx, in, shape, o, out)
	}
	d := &decoded{}
	defer d.release()
	err := in.decode(ctx, 0, o, d)
	if action, _ := event.Outcome(err, 1); action == event.Retry {
		return fmt.Errorf("extract %s: %w", o.Key, err)
	}
	var batches []arrow.RecordBatch
	if err == nil {
		for _, b := range d.rows {
			batches = append(batches, shape.rows(b))
		}
		for _, b := range d.rejected {
			batches = append(batches, shape.rejected(b))
		}
	}
	return out.add(append(batches, shape.outcome(o, err)))
}

// large keeps an object's rows in a file until its end has been read: the rows of one that cannot be read to its end must not be used.
func (e Extract) large(ctx context.Context, in *Intake, shape extracted, o event.Object, out *gathering) error {
	spool, err := newSpool(e.Dir, shape)
	if err != nil {
		return err
	}
	defer spool.close()
	err = in.decode(ctx, 0, o, spool)
	if action, _ := event.Outcome(err, 1); action == event.Retry {
		return fmt.Errorf("extract %s: %w", o.Key, err)
	}
	if err == nil {
		if failed := spool.each(func(b arrow.RecordBatch) error { return out.add([]arrow.RecordBatch{b}) }); failed != nil {
			return failed
		}
	}
	return out.add([]arrow.RecordBatch{shape.outcome(o, err)})
}

// gatheredRows is how many rows the stream has in a batch: a batch for each small object would cost more than its rows.
const gatheredRows = 8192

// gathering joins small batches before it writes them.
type gathering struct {
	mu      sync.Mutex
	to      *ipc.Writer
	schema  *arrow.Schema
	pending []arrow.RecordBatch
	rows    int64
}

// add takes over the batches.
func (g *gathering) add(batches []arrow.RecordBatch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range batches {
		g.pending, g.rows = append(g.pending, b), g.rows+b.NumRows()
	}
	if g.rows < gatheredRows {
		return nil
	}
	return g.flush()
}

func (g *gathering) flush() error {
	if len(g.pending) == 0 {
		return nil
	}
	joined, err := join(g.schema, g.pending)
	g.release()
	if err != nil {
		return fmt.Errorf("join the rows of objects: %w", err)
	}
	defer joined.Release()
	if err := g.to.Write(joined); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

func (g *gathering) release() {
	for _, b := range g.pending {
		b.Release()
	}
	g.pending, g.rows = nil, 0
}

func (g *gathering) close() error {
	if err := g.flush(); err != nil {
		return err
	}
	if err := g.to.Close(); err != nil { // also for no objects: the stream has its schema then
		return fmt.Errorf("end the rows: %w", err)
	}
	return nil
}

package promote

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"millrace/infra/tracing"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// A large object mostly is a history in the order of its keys, and new. Its rows need no merge: they go from the decoder into files while
// the rest is decoded, and DuckDB sees none of them. A batch at a time shows whether that is so. With the first key that does not come
// after the one before it, or that a live file may hold, what was written is dropped and the object takes the long way from its
// beginning: into DuckDB, where keys are compared and rows sorted. Both ways lead to the same files.

// errLongWay says that the rows of an object cannot go straight into files.
var errLongWay = errors.New("the rows must be merged")

// passage is the short way of one object's rows.
type passage struct {
	*merger
	ctx    context.Context
	table  *lake.Table
	schema *arrow.Schema
	key    []string
	texts  []string
	last   arrow.RecordBatch // whose last row the next must come after
	out    chan arrow.RecordBatch
	ended  chan struct{} // the writer has
	long   error         // why the object takes the long way
}

// pass decodes the batch's one large object into files. ok is false if it has to take the long way.
func (w *silverWork) pass(ctx context.Context) (ok bool, err error) {
	t, err := w.view.Table(w.rows.table)
	if err != nil || len(w.objects) != 1 || !intake.Large(w.objects[0]) || !t.Clusters() || !w.rereads.over.Load() {
		return false, err
	}
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		return false, fmt.Errorf("write %s: %w", t.Name, err)
	}
	ctx, end := tracing.Span(ctx, "pass "+t.Name)
	defer end()
	p := &passage{
		merger: &w.rows, ctx: ctx, table: t, schema: schema, key: w.dataset.Key, texts: texts(w.dataset.Schema(), w.dataset.Key),
		out: make(chan arrow.RecordBatch), ended: make(chan struct{}),
	}
	commit := w.cfg.Lake.Begin(ctx)
	var written lake.Written
	var failed error
	go func() {
		defer close(p.ended)
		written, failed = commit.Write(t, schema, p.batches())
	}()
	if err = w.begin(ctx, p.take); err == nil {
		w.errs, err = w.in.Fill(ctx, w.objects)
	}
	p.close()
	if err == nil && failed == nil && p.long == nil && w.errs[0] == nil && written.Rows() > 0 {
		w.pending, w.passed = commit, &merged{Change: lake.Change{Base: t, Written: written}, release: func() {}}
		return true, nil
	}
	_ = commit.Abandon(errLongWay) // what it cannot remove is an orphan
	if err = errors.Join(err, ctx.Err()); err != nil {
		return false, err
	}
	if p.long == nil && failed == nil {
		return true, nil // it cannot be read, or has no rows
	}
	w.cfg.Log.Debug("a large object takes the long way", "key", w.objects[0].Key, "why", errors.Join(p.long, failed))
	return false, nil
}

// take checks rows and sends them on to the writer.
func (p *passage) take(b arrow.RecordBatch) error {
	if p.long = p.check(b); p.long != nil {
		return p.long
	}
	conformed, err := rows.Conform(b, p.schema)
	if err != nil {
		return err
	}
	if p.last != nil {
		p.last.Release()
	}
	b.Retain()
	p.last = b
	select {
	case p.out <- conformed:
		return nil
	case <-p.ended:
		conformed.Release()
		p.long = errLongWay
		return p.long
	}
}

// close ends the rows and waits for the writer.
func (p *passage) close() {
	close(p.out)
	<-p.ended
	if p.last != nil {
		p.last.Release()
	}
}

// batches are what take sends.
func (p *passage) batches() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for b := range p.out {
			if !yield(b, nil) {
				return
			}
		}
	}
}

// check fails if a row does not come after the one before it, or if a live file may hold one of the keys.
func (p *passage) check(b arrow.RecordBatch) error {
	if p.last != nil && !comesAfter(p.columns(p.last), int(p.last.NumRows())-1, p.columns(b)) || !ascends(p.columns(b), int(b.NumRows())) {
		return errLongWay
	}
	files, err := p.candidates(p.ctx, p.table, p.boundsOf(b))
	if err == nil && len(files) > 0 {
		err = errLongWay
	}
	return err
}

// columns are those of the key.
func (p *passage) columns(b arrow.RecordBatch) []arrow.Array {
	all := make([]arrow.Array, len(p.key))
	for i, k := range p.key {
		all[i] = b.Column(b.Schema().FieldIndices(k)[0])
	}
	return all
}

// boundsOf are those of a batch's rows: of its first month and of its last.
func (p *passage) boundsOf(rows arrow.RecordBatch) []bounds {
	b := bounds{texts: p.texts}
	var first, last time.Time
	for i, c := range p.columns(rows) {
		lo, hi := extremes(c)
		if p.key[i] == p.time {
			b.loTime, b.hiTime = int64(c.(*array.Timestamp).Value(lo)), int64(c.(*array.Timestamp).Value(hi))
			first, last = time.UnixMicro(b.loTime).UTC(), time.UnixMicro(b.hiTime).UTC()
		} else if s, ok := c.(*array.String); ok {
			b.loText, b.hiText = append(b.loText, strings.Clone(s.Value(lo))), append(b.hiText, strings.Clone(s.Value(hi)))
		}
	}
	end := b
	b.month, end.month = monthOf(first), monthOf(last)
	return []bounds{b, end}
}

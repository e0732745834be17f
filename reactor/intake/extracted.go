package intake

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"millrace/reactor/event"
	"millrace/reactor/silver"
)

// Kinds of a row in the stream of an [Extract].
const (
	KindRow      = 0 // a row of the dataset's table
	KindRejected = 1 // a refused row: its lineage, _field, _reason and _raw
	KindOutcome  = 2 // what became of an object: _event, and _reason with _class if it is dead
)

// extracted is the form of such a stream. Its columns are _kind, _event, _field, _reason, _raw, _class and those of the dataset's
// table; a column that a kind does not have is null there.
type extracted struct {
	schema *arrow.Schema
	own    int // number of columns before those of the table
}

func newExtracted(d *silver.Dataset) extracted {
	fields := []arrow.Field{{Name: "_kind", Type: arrow.PrimitiveTypes.Int32}}
	for _, name := range []string{"_event", "_field", "_reason", "_raw", "_class"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	own := len(fields)
	for _, f := range d.ArrowSchema().Fields() {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type, Nullable: true})
	}
	return extracted{arrow.NewSchema(fields, nil), own}
}

// rows are a batch of the table's rows.
func (x extracted) rows(b arrow.RecordBatch) arrow.RecordBatch {
	return x.batch(KindRow, int(b.NumRows()), func(name string) arrow.Array { return column(b, name) })
}

// rejected are a batch of refused rows.
func (x extracted) rejected(b arrow.RecordBatch) arrow.RecordBatch {
	own := map[string]string{"_field": "field", "_reason": "reason", "_raw": "raw"}
	return x.batch(KindRejected, int(b.NumRows()), func(name string) arrow.Array {
		if of, ok := own[name]; ok {
			return column(b, of)
		}
		if slices.Contains([]string{"dataset", "field", "reason", "raw"}, name) { // a table may have such a column of its own
			return nil
		}
		return column(b, name)
	})
}

// outcome is what became of an object.
func (x extracted) outcome(o event.Object, err error) arrow.RecordBatch {
	said := map[string]string{"_event": string(o.ID())}
	var dead *event.DeadError
	if errors.As(err, &dead) {
		said["_reason"], said["_class"] = err.Error(), string(dead.Class)
	}
	return x.batch(KindOutcome, 1, func(name string) arrow.Array {
		text, ok := said[name]
		if !ok {
			return nil
		}
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.Append(text)
		return b.NewArray()
	})
}

// batch makes a batch of what of returns by column, which it takes over; nil is null.
func (x extracted) batch(kind int32, n int, of func(name string) arrow.Array) arrow.RecordBatch {
	columns := make([]arrow.Array, x.schema.NumFields())
	columns[0] = kinds(kind, n)
	for i, f := range x.schema.Fields()[1:] {
		if columns[i+1] = of(f.Name); columns[i+1] == nil {
			columns[i+1] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, n)
		}
	}
	b := array.NewRecordBatch(x.schema, columns, int64(n))
	for _, c := range columns {
		c.Release()
	}
	return b
}

func kinds(kind int32, n int) arrow.Array {
	b := array.NewInt32Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(n)
	for range n {
		b.UnsafeAppend(kind)
	}
	return b.NewArray()
}

// column is a batch's column by name, nil when it has none.
func column(b arrow.RecordBatch, name string) arrow.Array {
	at := b.Schema().FieldIndices(name)
	if len(at) == 0 {
		return nil
	}
	c := b.Column(at[0])
	c.Retain()
	return c
}

// join makes one batch of several.
func join(schema *arrow.Schema, batches []arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	var rows int64
	for _, b := range batches {
		rows += b.NumRows()
	}
	parts := make([]arrow.Array, len(batches))
	for i := range columns {
		for k, b := range batches {
			parts[k] = b.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, fmt.Errorf("column %s: %w", schema.Field(i).Name, err)
		}
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}

// spool keeps batches in a file without a name: nothing of it stays, however this ends.
type spool struct {
	shape extracted
	file  *os.File
	to    *ipc.Writer
}

func newSpool(dir string, shape extracted) (*spool, error) {
	f, err := os.CreateTemp(dir, "extract-*")
	if err != nil {
		return nil, fmt.Errorf("keep the rows of a large object: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the rows of a large object: %w", err), f.Close())
	}
	return &spool{shape: shape, file: f, to: ipc.NewWriter(f, ipc.WithSchema(shape.schema))}, nil
}

func (s *spool) close() { _ = s.file.Close() }

// Rows and Rejected make it a sink of a decoder.
func (s *spool) Rows(b arrow.RecordBatch) error { return s.keep(s.shape.rows(b)) }

// Rejected keeps refused rows.
func (s *spool) Rejected(b arrow.RecordBatch) error { return s.keep(s.shape.rejected(b)) }

func (s *spool) keep(b arrow.RecordBatch) error {
	defer b.Release()
	return s.to.Write(b)
}

// each hands on what was kept; f takes a batch over.
func (s *spool) each(f func(arrow.RecordBatch) error) error {
	if err := s.to.Close(); err != nil {
		return fmt.Errorf("keep the rows of a large object: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the rows of a large object: %w", err)
	}
	r, err := ipc.NewReader(s.file)
	if err != nil {
		return fmt.Errorf("read the rows of a large object: %w", err)
	}
	defer r.Release()
	for r.Next() {
		b := r.RecordBatch()
		b.Retain()
		if err := f(b); err != nil {
			return err
		}
	}
	return r.Err()
}

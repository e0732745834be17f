package rows

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"millrace/reactor/duck"
)

// Select runs a query that has the columns of schema, in that order, and yields its rows with exactly that schema. DuckDB does not
// know the field ids that Iceberg needs, the time zone's name and the nullability. The connection is busy until all rows are read:
// Select computes the next batch while the receiver works on one. The receiver releases each batch.
func Select(ctx context.Context, conn *duck.Conn, sql string, schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		r, err := conn.Query(ctx, sql)
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		if got, want := r.Schema().NumFields(), schema.NumFields(); got != want {
			yield(nil, fmt.Errorf("the query has %d columns, the table has %d", got, want))
			return
		}
		next, stop := ahead(relabeled(r, schema))
		defer stop() // must run before the rows are closed
		for b := range next {
			if !yield(b.RecordBatch, b.err) {
				return
			}
		}
	}
}

// relabeled yields the rows with the schema. It ends after an error.
func relabeled(r *duck.Rows, schema *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for r.Next() {
			b, err := Relabel(r.RecordBatch(), schema)
			if !yield(b, err) || err != nil {
				return
			}
		}
		if err := r.Err(); err != nil {
			yield(nil, err)
		}
	}
}

type batchOrError struct {
	arrow.RecordBatch
	err error
}

func (b batchOrError) drop() {
	if b.RecordBatch != nil {
		b.Release()
	}
}

// ahead makes a batch ready while the receiver works on the one before it. stop ends that and waits for its end.
func ahead(batches iter.Seq2[arrow.RecordBatch, error]) (next <-chan batchOrError, stop func()) {
	out, stopped := make(chan batchOrError), make(chan struct{})
	go func() {
		defer close(out)
		for b, err := range batches {
			select {
			case out <- batchOrError{b, err}:
			case <-stopped:
				batchOrError{b, err}.drop()
				return
			}
		}
	}()
	return out, func() {
		close(stopped)
		for b := range out {
			b.drop()
		}
	}
}

// Conform gives a batch the columns of a schema, in its order, by name. A column that the batch lacks is null. The caller releases it.
func Conform(b arrow.RecordBatch, schema *arrow.Schema) (arrow.RecordBatch, error) {
	columns, fields := make([]arrow.Array, schema.NumFields()), make([]arrow.Field, schema.NumFields())
	for i, f := range schema.Fields() {
		if at := b.Schema().FieldIndices(f.Name); len(at) == 1 {
			columns[i], fields[i] = b.Column(at[0]), b.Schema().Field(at[0])
			continue
		}
		columns[i], fields[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, int(b.NumRows())), f
		defer columns[i].Release()
	}
	reordered := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows())
	defer reordered.Release()
	return Relabel(reordered, schema)
}

// Relabel gives a batch a schema of the same columns, whose types may be called otherwise. The caller releases it.
func Relabel(b arrow.RecordBatch, schema *arrow.Schema) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, b.NumCols())
	for i, c := range b.Columns() {
		f := schema.Field(i)
		if b.ColumnName(i) != f.Name {
			return nil, fmt.Errorf("column %d is %s in the query and %s in the table", i+1, b.ColumnName(i), f.Name)
		}
		if !f.Nullable && c.NullN() > 0 {
			return nil, fmt.Errorf("column %s has nulls, which the table does not allow", f.Name)
		}
		d, err := retype(c.Data(), f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		columns[i] = array.MakeFromData(d)
		d.Release()
		defer columns[i].Release()
	}
	return array.NewRecordBatch(schema, columns, b.NumRows()), nil
}

// retype gives data another type of the same layout.
func retype(d arrow.ArrayData, to arrow.DataType) (*array.Data, error) {
	from := d.DataType()
	children := make([]arrow.ArrayData, len(d.Children()))
	nested, isNested := to.(arrow.NestedType)
	if from.ID() != to.ID() || isNested && nested.NumFields() != len(children) || !isNested && !sameLayout(from, to) {
		return nil, fmt.Errorf("it is %s, the table has %s", from, to)
	}
	for i, c := range d.Children() {
		child, err := retype(c, nested.Fields()[i].Type)
		if err != nil {
			return nil, err
		}
		children[i] = child
		defer child.Release()
	}
	return array.NewData(to, d.Len(), d.Buffers(), children, d.NullN(), d.Offset()), nil
}

// sameLayout tells whether two types of the same kind give values the same meaning. Decimals of different scales do not.
func sameLayout(a, b arrow.DataType) bool {
	switch a := a.(type) {
	case *arrow.TimestampType:
		b := b.(*arrow.TimestampType)
		return a.Unit == b.Unit && (a.TimeZone == "") == (b.TimeZone == "")
	}
	return arrow.TypeEqual(a, b)
}

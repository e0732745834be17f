package query

import (
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"millrace/reactor/duck"
)

// Result is the rows of one statement. They come as they are read: a large result never lies in memory whole.
type Result struct {
	rows  *duck.Rows
	limit int64
	// More tells whether another result comes after it.
	More bool
}

// Schema gives the columns, with Arrow's types.
func (r *Result) Schema() *arrow.Schema { return r.rows.Schema() }

// Columns are the names of the columns.
func (r *Result) Columns() []string {
	var names []string
	for _, f := range r.Schema().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// Batches gives the rows, a batch valid for its turn of the loop. A failure, and a row too many, come as the last pair.
func (r *Result) Batches() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		n := int64(0)
		for b, err := range r.rows.All() {
			if err == nil {
				n += b.NumRows()
				if r.limit > 0 && n > r.limit {
					err = fmt.Errorf("the result has more than %d rows, which is all that this reader gives: ask for fewer (where, limit, group by)", r.limit)
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// Cells gives the rows as values to print.
func (r *Result) Cells() iter.Seq2[[]any, error] { return cells(r.Batches()) }

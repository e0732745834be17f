package duck

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// Ints runs a statement and returns its first column, which must hold whole numbers. For an insert that is the number of rows.
func (c *Conn) Ints(ctx context.Context, sql string) ([]int64, error) {
	r, err := c.Few(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []int64
	for r.Next() {
		switch c := r.RecordBatch().Column(0).(type) {
		case *array.Int64:
			all = append(all, c.Int64Values()...)
		case *array.Int32:
			for i := range c.Len() {
				all = append(all, int64(c.Value(i)))
			}
		default:
			return nil, fmt.Errorf("%s: its first column is %s, not a whole number", sql, c.DataType())
		}
	}
	return all, r.Err()
}

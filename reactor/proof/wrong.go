package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// namedRows is the number of wrong rows that a verdict names.
const namedRows = 5

// Wrong names a row that a table has too many or lacks.
type Wrong struct {
	Key    string // values of the key columns, with blanks between them
	Day    string // of the row, as 2006-01-02
	Excess bool   // the table has it too many; else the table lacks it
}

func (w Wrong) String() string {
	if w.Excess {
		return "too many: " + w.Key
	}
	return "missing: " + w.Key
}

// wrong adds the first rows of the table difference to the verdict, up to namedRows.
func (c comparison) wrong(ctx context.Context, v *Verdict) error {
	room := namedRows - len(v.Wrong)
	if room <= 0 {
		return nil
	}
	r, err := c.conn.Query(ctx, fmt.Sprintf("select key, n < 0, coalesce(day::varchar, '') from difference order by key, n limit %d", room))
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		keys, excess, days := r.RecordBatch().Column(0).(*array.String), r.RecordBatch().Column(1).(*array.Boolean), r.RecordBatch().Column(2).(*array.String)
		for i := range keys.Len() {
			v.Wrong = append(v.Wrong, Wrong{Key: strings.Clone(keys.Value(i)), Day: strings.Clone(days.Value(i)), Excess: excess.Value(i)})
		}
	}
	return r.Err()
}

// datasetOf returns the dataset that fills a silver table. There must be one.
func datasetOf(table string) *silver.Dataset {
	all := datasets.All()
	return all[slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.Table == table })]
}

// keySQL returns an expression for a row's key as text.
func keySQL(key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = "coalesce(" + duck.Identifier(k) + "::varchar, 'null')"
	}
	return "concat_ws(' ', " + strings.Join(parts, ", ") + ")"
}

// Package query shows people what is in the lake: SQL over its tables at one instant, values as they are printed, and the
// rows that differ between two snapshots. All of it runs in a locked DuckDB of its own, which sees those tables and nothing
// else.
package query

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// Question is a query of a person, and the snapshots that it sees.
type Question struct {
	SQL string
	// AsOf is the time at which every table is read; zero: now.
	AsOf time.Time
	// Snapshots names the snapshot of some tables: a number, a tag or a time. It goes before AsOf.
	Snapshots map[string]string
}

// Answer is the rows of a question, while the function that was given them runs.
type Answer struct {
	Columns []string
	Rows    iter.Seq2[[]any, error]
}

// Ask runs a question and gives its answer to show.
func Ask(ctx context.Context, l *lake.Lake, q Question, show func(Answer) error) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	for name := range q.Snapshots {
		if _, err := view.Table(name); err != nil {
			return err
		}
	}
	r := Reading{Lake: l, View: view, At: func(t *lake.Table) (*table.Snapshot, error) { return q.at(ctx, t) }, Months: lake.AllMonths, Filled: q.mentions}
	return r.Over(ctx, func(conn *duck.Conn) error {
		rows, err := conn.Ask(ctx, q.SQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		return show(Answer{Columns: columnsOf(rows), Rows: Cells(rows)})
	})
}

// at is the snapshot of a table that the question sees.
func (q Question) at(ctx context.Context, t *lake.Table) (*table.Snapshot, error) {
	if name, ok := q.Snapshots[t.Name]; ok {
		return t.Find(ctx, name)
	}
	if q.AsOf.IsZero() {
		return t.Snapshot(), nil
	}
	return t.SnapshotAsOf(ctx, q.AsOf)
}

// mentions tells whether the query may read a table, namespace.table. For a name in a comment or a text, rows are read in
// vain, no more.
func (q Question) mentions(name string) bool {
	_, own, _ := strings.Cut(name, ".")
	return strings.Contains(strings.ToLower(q.SQL), strings.ToLower(own))
}

func columnsOf(rows *duck.Rows) []string {
	var names []string
	for _, f := range rows.Schema().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// ParseTime reads a moment, or a day for its beginning in UTC; "" is the zero time.
func ParseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, ok := lake.ParseTime(text, time.Now()); ok {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: a time is written 2026-01-31T12:00:00Z, a day 2026-01-31", text)
}

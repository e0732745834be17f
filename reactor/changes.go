package main

import (
	"context"
	"iter"
	"log/slog"
	"reflect"

	"github.com/apache/iceberg-go/table"
	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

type changesCmd struct {
	lakeFlags
	Table  string `arg:"" help:"Table, such as gold.rankings."`
	From   string `required:"" placeholder:"SNAPSHOT" help:"Snapshot to begin with: its number (0 is the empty table), a tag, or a time."`
	To     string `placeholder:"SNAPSHOT" help:"Snapshot to end with (default: the current one)."`
	Memory string `default:"256MiB" help:"Memory for the comparison; beyond it rows spill to disk."`
}

func (*changesCmd) Help() string {
	return `Prints the rows that differ between two snapshots, in the order of the table's key. The column change says how: inserted, deleted, or
updated for a key that both have with other values: the row is the new one then, and the column old holds the former values of
the columns that changed. Only files that the two do not share are read. Either snapshot may be the earlier one.

Examples:

  reactor changes gold.rankings --from day-2026-01-30
  reactor changes silver.asset_prices --from 0 --to 2026-01-31T12:00:00Z --output json`
}

func (c *changesCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		view, err := l.View(ctx)
		if err != nil {
			return err
		}
		t, err := view.Table(c.Table)
		if err != nil {
			return err
		}
		from, err := t.Find(c.From)
		if err != nil {
			return err
		}
		to, err := t.Find(c.To)
		if err != nil {
			return err
		}
		return withDatabase(c.Memory, func(db *duck.DB) error {
			conn, err := db.Connect()
			if err != nil {
				return err
			}
			defer conn.Close()
			d := newDifference(l, conn, t, from, to)
			if err := d.read(ctx, out); err != nil {
				return err
			}
			return c.print(ctx, out, d)
		})
	})
}

func (c *changesCmd) print(ctx context.Context, out *cli.Output, d *difference) error {
	rows, err := d.rows(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	counts := map[string]int{}
	headers := append(append([]string{"change"}, d.columns...), "old")
	if err := out.Rows(headers, changed(cells(rows), len(d.columns), d.columns, counts)); err != nil {
		return err
	}
	slog.Info("changes of "+c.Table, "from", snapshotID(d.from), "to", snapshotID(d.to), "inserted", counts[inserted], "deleted", counts[deleted], "updated", counts[updated])
	return nil
}

func snapshotID(s *table.Snapshot) int64 {
	if s == nil {
		return 0
	}
	return s.SnapshotID
}

// changed makes a line of each compared row: of an update the new row, and the former values of what changed.
func changed(compared iter.Seq2[[]any, error], n int, columns []string, counts map[string]int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range compared {
			if err != nil {
				yield(nil, err)
				return
			}
			change := row[0].(string)
			now, before := row[1:1+n], row[1+n:]
			line := append(make([]any, 0, n+2), change)
			var old any
			switch change {
			case deleted:
				now = before
			case updated:
				old = former(columns, now, before)
			}
			counts[change]++
			if !yield(append(append(line, now...), old), nil) {
				return
			}
		}
	}
}

// former are the values that a row had where it has others now, by column.
func former(columns []string, now, before []any) map[string]any {
	old := map[string]any{}
	for i, c := range columns {
		if !reflect.DeepEqual(now[i], before[i]) {
			old[c] = before[i]
		}
	}
	return old
}

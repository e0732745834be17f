package command

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"millrace/infra/cli"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

type tablesCmd struct {
	lakeFlags
}

func (*tablesCmd) Help() string {
	return "The column drift says how the newest objects of a dataset differ from those before: a field that is gone and the new one of nearly its name, a column that is null in most rows now, rows that are refused. The column model says why a table of gold is not kept up: its model is gone (`reactor drop` removes the table), has failed, or the table is rolled back. The column definition says how many objects are left to be read again because the definition of their dataset has changed. JSON and CSV have one more column, metadata: where the table's metadata lies now, for programs that read it from there.\n\nExample:\n\n  reactor tables\n  reactor tables --output json"
}

func (c *tablesCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		v, err := l.View(ctx)
		if err != nil {
			return err
		}
		rereads, err := rereadsOf(ctx, l.Lake, v)
		if err != nil {
			return err
		}
		var rows [][]any
		for _, name := range slices.Sorted(maps.Keys(v.Tables)) {
			t := v.Tables[name]
			f, err := l.Figures(ctx, t)
			if err != nil {
				return err
			}
			row := []any{name, nil, nil, f.Rows, f.Files, f.Bytes, len(t.Meta.Snapshots()), orNil(promote.StateOf(t)), orNil(driftOf(t)), orNil(rereads[name]), t.Location}
			if f.Snapshot != 0 {
				row[1], row[2] = f.Snapshot, f.CommittedAt
			}
			rows = append(rows, row)
		}
		headers := []string{"table", "snapshot", "committed_at", "rows", "files", "bytes", "snapshots", "model", "drift", "definition", "metadata"}
		if out.Format() == "table" { // an address of 120 characters is for programs
			last := len(headers) - 1
			for i := range rows {
				rows[i] = rows[i][:last]
			}
			headers = headers[:last]
		}
		return out.Table(headers, rows)
	})
}

// rereadsOf says by table how many objects are left to be read again.
func rereadsOf(ctx context.Context, l *lake.Lake, v *lake.View) (map[string]string, error) {
	all := map[string]string{}
	for _, d := range datasets.All() {
		text, err := tables.Rereads(ctx, l, v.Tables[d.TableName()])
		if err != nil {
			return nil, err
		}
		all[d.TableName()] = text
	}
	return all, nil
}

// driftOf says how the newest objects of a table's dataset differ from those before, each with the first object that does.
func driftOf(t *lake.Table) string {
	var texts []string
	for _, f := range promote.DriftOf(t) {
		texts = append(texts, f.String()+", since "+f.Key)
	}
	return strings.Join(texts, "; ")
}

type snapshotsCmd struct {
	lakeFlags
	Table string `arg:"" help:"Table, such as gold.rankings."`
}

func (*snapshotsCmd) Help() string {
	return "Rows that another engine deletes by files of deletes, beside the data files, are not counted. The column made_by has what the maker wrote into the snapshot: millrace, or another engine, of itself.\n\nExample:\n\n  reactor snapshots gold.rankings"
}

func (c *snapshotsCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		t, err := l.table(ctx, c.Table)
		if err != nil {
			return err
		}
		refs := map[int64][]string{}
		for name, ref := range t.Meta.Refs() {
			refs[ref.SnapshotID] = append(refs[ref.SnapshotID], name)
		}
		var rows [][]any
		for _, s := range t.Meta.Snapshots() {
			slices.Sort(refs[s.SnapshotID])
			operation := any(nil)
			if s.Summary != nil {
				operation = string(s.Summary.Operation)
			}
			total, errTotal := l.Rows(ctx, t, &s)
			deleted, errDeleted := l.Deleted(ctx, t, &s)
			if err := errors.Join(errTotal, errDeleted); err != nil {
				return err
			}
			rows = append(rows, []any{
				s.SnapshotID, time.UnixMilli(s.TimestampMs), operation, lake.Total(&s, lake.AddedRows), deleted, total,
				strings.Join(refs[s.SnapshotID], " "), lake.MadeBy(&s),
			})
		}
		return out.Table([]string{"snapshot", "committed_at", "operation", "added_rows", "deleted_rows", "total_rows", "refs", "made_by"}, rows)
	})
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/lake"
)

type tablesCmd struct {
	lakeFlags
}

func (*tablesCmd) Help() string {
	return "Example:\n\n  reactor tables\n  reactor tables --output json"
}

func (c *tablesCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		v, err := l.View(ctx)
		if err != nil {
			return err
		}
		var rows [][]any
		for _, name := range slices.Sorted(maps.Keys(v.Tables)) {
			t := v.Tables[name]
			row := []any{name, nil, nil, int64(0), int64(0), int64(0), len(t.Meta.Snapshots())}
			if s := t.Snapshot(); s != nil {
				row[1], row[2] = s.SnapshotID, time.UnixMilli(s.TimestampMs)
				row[3], row[4], row[5] = total(s, "total-records"), total(s, "total-data-files"), total(s, "total-files-size")
			}
			rows = append(rows, row)
		}
		return out.Table([]string{"table", "snapshot", "committed_at", "rows", "files", "bytes", "snapshots"}, rows)
	})
}

// total reads a number that Iceberg keeps in a snapshot's summary; engines may leave it out.
func total(s *table.Snapshot, name string) any {
	if s == nil || s.Summary == nil {
		return nil
	}
	n, err := strconv.ParseInt(s.Summary.Properties[name], 10, 64)
	if err != nil {
		return nil
	}
	return n
}

type snapshotsCmd struct {
	lakeFlags
	Table string `arg:"" help:"Table, such as gold.rankings."`
}

func (*snapshotsCmd) Help() string {
	return "Example:\n\n  reactor snapshots gold.rankings"
}

func (c *snapshotsCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		v, err := l.View(ctx)
		if err != nil {
			return err
		}
		t, err := v.Table(c.Table)
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
			rows = append(rows, []any{
				s.SnapshotID, time.UnixMilli(s.TimestampMs), operation, total(&s, "added-records"), total(&s, "deleted-records"), total(&s, "total-records"),
				strings.Join(refs[s.SnapshotID], " "), ownSummary(&s),
			})
		}
		return out.Table([]string{"snapshot", "committed_at", "operation", "added_rows", "deleted_rows", "total_rows", "refs", "made_by"}, rows)
	})
}

// ownSummary is what millrace wrote into a snapshot's summary.
func ownSummary(s *table.Snapshot) string {
	if s.Summary == nil {
		return ""
	}
	var own []string
	for _, k := range slices.Sorted(maps.Keys(s.Summary.Properties)) {
		if name, ok := strings.CutPrefix(k, "millrace."); ok {
			own = append(own, fmt.Sprintf("%s=%s", name, s.Summary.Properties[k]))
		}
	}
	return strings.Join(own, " ")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

type traceCmd struct {
	lakeFlags
	modelFlags
	Table string   `arg:"" help:"Table of silver or gold, such as gold.rankings."`
	Key   []string `arg:"" sep:"none" help:"Values of the row's key, in the order of the model's grain or the dataset's key."`
}

func (*traceCmd) Help() string {
	return `Shows where a row comes from: the models and the rows of each table that it may be made of, back to the objects in bronze, what their
requests were, and which commit and run brought them. The rows are those of the row's day and of as many before it as the models
look back, with the same key; rows of other keys, which a model may compare with, are counted as others. JSON tells more than the table.

Examples:

  reactor trace gold.rankings bitcoin 2026-01-31
  reactor trace silver.asset_prices bitcoin d1 2026-01-31T00:00:00Z --output json`
}

func (c *traceCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		view, err := l.View(ctx)
		if err != nil {
			return err
		}
		t, err := view.Table(c.Table)
		if err != nil {
			return err
		}
		key := keyOf(t)
		if len(key) == 0 {
			return fmt.Errorf("%s has no key to tell its rows apart: it is neither a dataset's nor a model's", t.Name)
		}
		if len(c.Key) != len(key) {
			return cli.Usage("a row of %s is told apart by %s: give a value for each", t.Name, strings.Join(key, ", "))
		}
		return withDatabase("256MiB", func(db *duck.DB) error {
			conn, err := db.Connect()
			if err != nil {
				return err
			}
			defer conn.Close()
			nodes, err := c.trace(ctx, &lineage{lake: l, conn: conn, key: map[string]string{}}, view, t, key, client, out)
			if err != nil {
				return err
			}
			return printNodes(out, nodes)
		})
	})
}

func (c *traceCmd) trace(ctx context.Context, n *lineage, view *lake.View, t *lake.Table, key []string, client *minio.Client, out *cli.Output) ([]node, error) {
	values := map[string]string{}
	var where []string
	for i, column := range key {
		values[column] = c.Key[i]
		where = append(where, fmt.Sprintf("%s = %s", duck.Identifier(column), duck.Quote(c.Key[i])))
	}
	row, err := c.row(ctx, n, t, values, strings.Join(where, " and "))
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(t.Name, "gold.") {
		at := gold.SilverTime
		if _, ok := t.Column(at); !ok {
			at = "source_modified_at"
		}
		objects, err := c.objects(ctx, n, t, at, client, 1, out)
		return append([]node{row}, objects...), err
	}
	set, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	day, err := plan.ParseDay(values[gold.Day])
	if err != nil {
		return nil, cli.Usage("the day %q: write 2026-01-31", values[gold.Day])
	}
	n.key = values
	delete(n.key, gold.Day)
	nodes := []node{row}
	for _, w := range windows(set, t.Name, day) {
		more, err := c.window(ctx, n, view, set, w, client, out)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, more...)
	}
	return nodes, nil
}

// row is the line of the row itself; it stays in the table found.
func (c *traceCmd) row(ctx context.Context, n *lineage, t *lake.Table, values map[string]string, where string) (node, error) {
	row := node{kind: "row", table: t.Name, name: t.Name + " " + strings.Join(c.Key, " ")}
	files, err := n.rowFiles(ctx, t, t.Snapshot(), lake.AllMonths, values)
	if err != nil {
		return row, err
	}
	for _, f := range files {
		if err := n.gather(ctx, t, t.Snapshot(), []lake.File{f}, where); err != nil {
			var sql *duck.Error
			if errors.As(err, &sql) && strings.HasPrefix(sql.Message, "Conversion Error") {
				return row, cli.Usage("look for %s: %v", row.name, err)
			}
			return row, err
		}
		rows, err := n.conn.Query(ctx, "from found limit 1")
		if err != nil {
			return row, err
		}
		found := map[string]any{}
		for line, err := range cells(rows) {
			if err != nil {
				rows.Close()
				return row, err
			}
			for i, v := range line {
				found[rows.Schema().Field(i).Name] = v
			}
		}
		rows.Close()
		if len(found) == 0 {
			continue
		}
		s, exact, err := n.lake.WrittenBy(ctx, t, f)
		if err != nil {
			return row, err
		}
		row.values, row.snapshot, row.committedAt, row.madeBy = found, s.SnapshotID, time.UnixMilli(s.TimestampMs), ownSummary(s)
		if !exact {
			row.madeBy = "this snapshot, or one before it that has expired"
		}
		if s.Summary != nil {
			row.run = orNil(s.Summary.Properties["millrace.run"])
		}
		return row, nil
	}
	return row, fmt.Errorf("%s has no row %s", t.Name, strings.Join(c.Key, " "))
}

// window is what a row may be made of in one table: its model for gold, its objects for silver.
func (c *traceCmd) window(ctx context.Context, n *lineage, view *lake.View, set *gold.Set, w window, client *minio.Client, out *cli.Output) ([]node, error) {
	t, err := view.Table(w.table)
	if err != nil {
		return nil, err
	}
	s := t.Snapshot()
	if pin, ok := view.Pins.Tables[t.Name]; ok { // gold is made of silver as it is pinned, which may be ahead by now
		if s, err = t.SnapshotByID(pin.SnapshotID); err != nil {
			return nil, err
		}
	}
	files, err := n.rowFiles(ctx, t, s, lake.Months{Lo: w.days.From.Month(), Hi: w.days.To.Month()}, nil)
	if err != nil {
		return nil, err
	}
	if err := n.gather(ctx, t, s, files, plan.Of(w.days).SQL(dayOf(t))); err != nil {
		return nil, err
	}
	own, others, err := n.counted(ctx, t)
	if err != nil {
		return nil, err
	}
	rows := node{depth: w.depth + 1, kind: "rows", table: t.Name, name: t.Name, rows: own, others: others, from: w.days.From.String(), to: w.days.To.String()}
	if s != nil {
		rows.snapshot, rows.committedAt = s.SnapshotID, time.UnixMilli(s.TimestampMs)
	}
	m, isModel := set.Model(w.table)
	if !isModel {
		objects, err := c.objects(ctx, n, t, gold.SilverTime, client, w.depth+2, out)
		return append([]node{rows}, objects...), err
	}
	model := node{depth: w.depth + 1, kind: "model", table: m.Name, name: m.Name, model: m.File, digest: m.Digest, from: (w.days.From - plan.Day(m.Lookback)).String(), to: w.days.To.String()}
	if w.depth == 0 {
		return []node{model}, nil // the row itself is there already
	}
	return []node{rows, model}, nil
}

// objects are the lines of the object versions that gave the rows in the table found.
func (c *traceCmd) objects(ctx context.Context, n *lineage, t *lake.Table, at string, client *minio.Client, depth int, out *cli.Output) ([]node, error) {
	sources, err := n.sources(ctx, t, at)
	if err != nil {
		return nil, err
	}
	bar := out.Progress(len(sources), "looking at objects")
	defer bar.Done()
	var nodes []node
	for _, s := range sources {
		o := node{depth: depth, kind: "object", table: t.Name, name: s.key, rows: len(s.rows), from: s.from, to: s.to,
			object: s.key, version: s.version, sourceRows: s.rows, modifiedAt: s.modifiedAt}
		entries, err := n.lake.EntriesOf(ctx, s.key)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.SourceVersion != s.version || !e.ModifiedAt.Equal(s.modifiedAt) {
				continue
			}
			o.event, o.outcome, o.committedAt, o.run = e.EventID, e.Outcome, e.At, orNil(e.Run)
			o.snapshot = e.SnapshotID
		}
		info, err := client.StatObject(ctx, c.Bucket, s.key, minio.StatObjectOptions{VersionID: s.version})
		switch code := minio.ToErrorResponse(err).Code; {
		case err == nil:
			metadata := map[string]string{}
			for k, v := range info.UserMetadata {
				metadata[strings.ToLower(k)] = v
			}
			o.requestURL, o.fetchedAt = orNil(metadata[bronze.MetaRequestURL]), orNil(metadata[bronze.MetaFetchedAt])
		case code == minio.NoSuchKey || code == "NoSuchVersion" || code == "MethodNotAllowed":
			o.outcome = fmt.Sprintf("%v; the object is gone", o.outcome)
		default:
			return nil, fmt.Errorf("look at %s: %w", s.key, err)
		}
		nodes = append(nodes, o)
		bar.Add(1)
	}
	return nodes, nil
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/minio/minio-go/v7"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver/datasets"
)

type planCmd struct {
	lakeFlags
	modelFlags
	Memory string `default:"256MiB" help:"Memory to compare snapshots of silver in; beyond it rows spill to disk."`
}

func (*planCmd) Help() string {
	return `A dry run of the reactor's start, by the same code, with the datasets and models that this program and --models have. It changes nothing.

  create      a table that is not there yet
  add column  a column that a dataset has got; null in old rows until their objects are replayed
  promote     objects in bronze that the ledger does not know: the reconciler publishes their events
  rebuild     a table of gold whose model is new or has changed: all of its days are computed
  compute     days of a table of gold that follow from a change above it
  forget      a table whose model is gone: it stays as it is, and nothing keeps it up

rows are those of the files that hold the days now. What promote brings is not foreseen: it moves gold once it is in silver.

Example:

  reactor plan --models ./models`
}

// action is a line of the plan.
type action struct {
	action, table string
	objects, rows any
	days          any
	from, to      any
	why           string
}

func (c *planCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		view, err := l.View(ctx)
		if err != nil {
			return err
		}
		actions, complete, err := tableActions(view)
		if err != nil {
			return err
		}
		missed, err := c.missed(ctx, l, client, out)
		if err != nil {
			return err
		}
		actions = append(actions, missed...)
		if complete {
			moves, err := c.gold(ctx, l, view, set)
			if err != nil {
				return err
			}
			actions = append(actions, moves...)
		} else {
			for _, m := range set.Models {
				if view.Tables[m.Name] == nil {
					actions = append(actions, action{action: "create", table: m.Name, why: "its model is new: " + m.File})
				}
			}
		}
		if len(actions) == 0 {
			slog.Info("a start would change nothing")
		}
		var lines [][]any
		for _, a := range actions {
			lines = append(lines, []any{a.action, a.table, a.objects, a.rows, a.days, a.from, a.to, a.why})
		}
		return out.Table([]string{"action", "table", "objects", "rows", "days", "from", "to", "why"}, lines)
	})
}

// tableActions are what the start does to silver's tables; complete tells that all of them are there.
func tableActions(view *lake.View) (actions []action, complete bool, err error) {
	complete = true
	seen := map[string]bool{}
	for _, d := range datasets.All() {
		for _, definition := range promote.Definitions(d) {
			if seen[definition.Name] {
				continue
			}
			seen[definition.Name] = true
			t := view.Tables[definition.Name]
			if t == nil {
				complete = false
				actions = append(actions, action{action: "create", table: definition.Name, why: "it is not there yet"})
				continue
			}
			lacking, err := promote.Lacking(t.Meta, definition)
			if err != nil {
				return nil, false, err
			}
			for _, f := range lacking {
				actions = append(actions, action{action: "add column", table: t.Name, rows: total(t.Snapshot(), "total-records"),
					why: fmt.Sprintf("%s %s, null in these rows until `reactor replay --dataset %s`", f.Name, f.Type, d.Name)})
			}
		}
	}
	return actions, complete, nil
}

// missed are the objects that the reconciler would find, by dataset.
func (c *planCmd) missed(ctx context.Context, l *lake.Lake, client *minio.Client, out *cli.Output) ([]action, error) {
	objects := reconcile.Unknown(ctx, reconcile.Objects(ctx, client, c.Bucket, ""), l)
	bar := out.Progress(-1, "listing")
	defer bar.Done()
	n, from, to := map[string]int{}, map[string]bronze.Day{}, map[string]bronze.Day{}
	for o, err := range objects {
		if err != nil {
			return nil, err
		}
		bar.Add(1)
		table, k := tableOf(o)
		n[table]++
		if k.IngestDate.IsZero() {
			continue
		}
		if from[table].IsZero() || k.IngestDate.Before(from[table]) {
			from[table] = k.IngestDate
		}
		if to[table].IsZero() || to[table].Before(k.IngestDate) {
			to[table] = k.IngestDate
		}
	}
	var actions []action
	for _, table := range slices.Sorted(maps.Keys(n)) {
		a := action{action: "promote", table: table, objects: n[table], why: "the ledger does not know them; from and to are ingest dates"}
		if table == "" {
			a.why = "the ledger does not know them, and no dataset takes them: they become dead letters"
		}
		if !from[table].IsZero() {
			a.from, a.to = from[table].String(), to[table].String()
		}
		actions = append(actions, a)
	}
	return actions, nil
}

// tableOf is the table of silver that an object is meant for, "" when there is none.
func tableOf(o event.Object) (string, bronze.Key) {
	k, err := bronze.ParseKey(o.Key)
	if err != nil {
		return "", bronze.Key{}
	}
	d, ok := datasets.Find(k.Source + "/" + k.Dataset)
	if !ok {
		return "", k
	}
	return "silver." + d.Table, k
}

// gold is what gold's step at the start does.
func (c *planCmd) gold(ctx context.Context, l *lake.Lake, view *lake.View, set *gold.Set) (actions []action, err error) {
	var silver []string
	for _, d := range datasets.All() {
		silver = append(silver, "silver."+d.Table)
	}
	err = withDatabase(c.Memory, func(db *duck.DB) error {
		g, err := promote.NewGold(l, set, silver, db, rows.New(l), slog.Default(), promote.NewMetrics(prometheus.NewRegistry()))
		if err != nil {
			return err
		}
		defer g.Close()
		upcoming, err := g.Preview(ctx, view)
		if err != nil {
			return err
		}
		for _, u := range upcoming {
			a := action{action: "compute", table: u.Table, rows: u.Rows, days: u.Days.Len(), why: u.Why}
			if u.Rebuild {
				a.action = "rebuild"
			}
			if hull, ok := u.Days.Hull(); ok {
				a.from, a.to = hull.From.String(), hull.To.String()
			}
			if view.Tables[u.Table] == nil {
				a.action = "create"
			}
			actions = append(actions, a)
		}
		for _, name := range g.Forgotten(view) {
			actions = append(actions, action{action: "forget", table: name, rows: total(view.Tables[name].Snapshot(), "total-records"), why: "its model is not there any more"})
		}
		return nil
	})
	return actions, err
}

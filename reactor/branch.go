package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

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
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// replayBatch is how many objects of a replay onto a branch go into one commit.
const replayBatch = 256

// branchReplay promotes objects onto a branch, by the code and with the models of this program: no reactor takes part, and
// nothing that readers of main see changes.
type branchReplay struct {
	lake   *lake.Lake // main
	client *minio.Client
	set    *gold.Set
	limits silver.Limits
	memory string
	out    *cli.Output
}

// run makes the branch and brings objects into it, and gold after them.
func (b *branchReplay) run(ctx context.Context, name string, objects iter.Seq2[event.Object, error]) (run string, err error) {
	if err := b.fits(ctx); err != nil {
		return "", err
	}
	if err := b.lake.Create(ctx, promote.GoldTables(b.set)...); err != nil { // of new models: an empty table has no branch to differ from
		return "", err
	}
	byDataset, n, err := b.list(objects)
	if err != nil {
		return "", err
	}
	run = reconcile.NewRun(time.Now())
	var branch *lake.Lake
	err = withoutConflict(ctx, func() error {
		branch, err = b.lake.Branch(ctx, name, run)
		return err
	})
	if err != nil {
		return "", err
	}
	err = withDatabase(b.memory, func(db *duck.DB) error {
		cache, metrics := rows.New(branch), promote.NewMetrics(prometheus.NewRegistry())
		bar := b.out.Progress(n, "promoting onto "+name)
		defer bar.Done()
		var tables []string
		for _, d := range datasets.All() {
			tables = append(tables, "silver."+d.Table)
			if err := b.promote(ctx, branch, d, db, cache, metrics, byDataset[d.Name], run, bar.Add); err != nil {
				return err
			}
		}
		g, err := promote.NewGold(branch, b.set, tables, db, cache, slog.Default(), metrics)
		if err != nil {
			return err
		}
		defer g.Close()
		return g.Bring(ctx)
	})
	if err != nil {
		return run, fmt.Errorf("branch %s is not complete and cannot be published (`reactor publish %s --drop` takes it away): %w", name, name, err)
	}
	return run, b.lake.BranchReady(ctx, name)
}

// fits refuses a lake whose tables lack columns: a table has the same ones in all its branches.
func (b *branchReplay) fits(ctx context.Context) error {
	view, err := b.lake.View(ctx)
	if err != nil {
		return err
	}
	actions, complete, err := tableActions(view)
	if err != nil {
		return err
	}
	if !complete || len(actions) > 0 {
		return errors.New("tables of silver are not there or lack columns that this program knows, and a table has the same columns in all its branches: start `reactor run` once before (`reactor plan` shows what that changes)")
	}
	return nil
}

// list gathers the objects of each dataset. Those of no dataset are dead letters on any branch.
func (b *branchReplay) list(objects iter.Seq2[event.Object, error]) (byDataset map[string][]event.Object, n int, err error) {
	bar := b.out.Progress(-1, "listing")
	defer bar.Done()
	byDataset = map[string][]event.Object{}
	for o, err := range objects {
		if err != nil {
			return nil, 0, err
		}
		bar.Add(1)
		k, err := bronze.ParseKey(o.Key)
		if err != nil {
			continue
		}
		if d, ok := datasets.Find(k.Source + "/" + k.Dataset); ok {
			byDataset[d.Name] = append(byDataset[d.Name], o)
			n++
		}
	}
	return byDataset, n, nil
}

func (b *branchReplay) promote(ctx context.Context, branch *lake.Lake, d *silver.Dataset, db *duck.DB, cache *rows.Cache, metrics *promote.Metrics, objects []event.Object, run string, progress func(int)) error {
	s, err := promote.NewSilver(branch, b.client, d, db, cache, slog.Default(), metrics)
	if err != nil {
		return err
	}
	defer s.Close()
	s.Limits = b.limits
	for part := range slices.Chunk(objects, replayBatch) {
		batch := make([]event.Delivery, len(part))
		for i, o := range part {
			batch[i] = event.Delivery{Object: o, Run: run, Attempt: 1}
		}
		for i, err := range s.Handle(ctx, batch) {
			if action, _ := event.Outcome(err, 1); action == event.Retry {
				return fmt.Errorf("promote %s: %w", part[i].Key, err)
			}
		}
		progress(len(part))
	}
	return nil
}

// compare prints for each table how many rows of main and of a branch differ.
func (b *branchReplay) compare(ctx context.Context, name string) error {
	view, err := b.lake.View(ctx)
	if err != nil {
		return err
	}
	var lines [][]any
	err = withDatabase(b.memory, func(db *duck.DB) error {
		conn, err := db.Connect()
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, table := range slices.Sorted(maps.Keys(view.Tables)) {
			t := view.Tables[table]
			to, err := t.Find(name)
			if err != nil {
				to = t.Snapshot() // it had no rows when the branch was made, and has none in it
			}
			d := newDifference(b.lake, conn, t, t.Snapshot(), to)
			if err := d.read(ctx, b.out); err != nil {
				return err
			}
			counts, err := d.count(ctx)
			if err != nil {
				return err
			}
			lines = append(lines, []any{table, total(t.Snapshot(), "total-records"), total(to, "total-records"), counts[inserted], counts[deleted], counts[updated]})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.out.Table([]string{"table", "rows_main", "rows_branch", "inserted", "deleted", "updated"}, lines)
}

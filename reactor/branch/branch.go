// Package branch is write, audit, publish: it promotes objects onto a branch of all tables by the code and the models of this
// program, compares that branch with main, and makes it main. No reactor takes part, and readers of main see nothing of a
// branch until it is published.
package branch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/promote"
	"millrace/reactor/query"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// replayBatch is how many objects of a replay onto a branch go into one commit.
const replayBatch = 256

// Replay promotes objects onto a branch.
type Replay struct {
	Lake   *lake.Lake // main
	Bucket bucket.Bucket
	Models *gold.Set
	Limits silver.Limits // of an object
	Memory string        // "256MiB"; beyond it rows spill to disk
	Show   progress.Show
	// Anew, when not nil, is the dataset whose table begins without rows on the branch. The objects must be all of that dataset.
	Anew *silver.Dataset
}

// Onto makes the branch and brings objects into it, and gold after them. It returns the name of the run.
func (r *Replay) Onto(ctx context.Context, name string, objects iter.Seq2[event.Object, error]) (run string, err error) {
	if err := r.columns(ctx); err != nil {
		return "", err
	}
	if err := r.fits(ctx); err != nil {
		return "", err
	}
	if err := r.Lake.Create(ctx, tables.OfGold(r.Models)...); err != nil { // of new models: an empty table has no branch to differ from
		return "", err
	}
	byDataset, n, err := r.list(objects)
	if err != nil {
		return "", err
	}
	run = reconcile.NewRun(time.Now())
	var branch *lake.Lake
	err = lake.Patient.Do(ctx, func() error {
		branch, err = r.Lake.Branch(ctx, name, run)
		return err
	})
	if err != nil {
		return "", err
	}
	bar := r.Show(n, "promoting onto "+name)
	defer bar.Done()
	if err := r.bring(ctx, branch, byDataset, run, bar); err != nil {
		return run, fmt.Errorf("branch %s is not complete and cannot be published (`reactor publish %s --drop` takes it away): %w", name, name, err)
	}
	return run, r.Lake.BranchReady(ctx, name)
}

// fits refuses a lake whose tables lack columns: a table has the same ones in all its branches.
func (r *Replay) fits(ctx context.Context) error {
	view, err := r.Lake.View(ctx)
	if err != nil {
		return err
	}
	return tables.Complete(view, ", and a table has the same columns in all its branches")
}

// list gathers the objects of each dataset. Those of no dataset are dead letters on any branch.
func (r *Replay) list(objects iter.Seq2[event.Object, error]) (byDataset map[string][]event.Object, n int, err error) {
	bar := r.Show(-1, "listing")
	defer bar.Done()
	byDataset = map[string][]event.Object{}
	for o, err := range objects {
		if err != nil {
			return nil, 0, err
		}
		bar.Add(1)
		if d, _, ok := tables.DatasetOf(o); ok {
			byDataset[d.Name] = append(byDataset[d.Name], o)
			n++
		}
	}
	return byDataset, n, nil
}

// bring promotes the objects into the branch's silver, and then its gold.
func (r *Replay) bring(ctx context.Context, branch *lake.Lake, byDataset map[string][]event.Object, run string, bar progress.Bar) error {
	return duck.Temporary(r.Memory, func(db *duck.DB) error {
		cfg := promote.Config{Lake: branch, Client: r.Bucket.Client, DB: db, Cache: rows.New(branch), Limits: r.Limits}
		if err := r.empty(ctx, branch, run); err != nil {
			return err
		}
		for _, d := range datasets.All() {
			s, err := promote.NewSilver(cfg, d)
			if err != nil {
				return err
			}
			err = promoteAll(ctx, s, byDataset[d.Name], run, bar)
			s.Close()
			if err != nil {
				return err
			}
		}
		g, err := promote.NewGold(cfg, r.Models)
		if err != nil {
			return err
		}
		defer g.Close()
		return g.Bring(ctx)
	})
}

// promoteAll promotes objects batch by batch. One that cannot be read is dead on the branch; a store that fails ends it.
func promoteAll(ctx context.Context, s *promote.Silver, objects []event.Object, run string, bar progress.Bar) error {
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
		bar.Add(len(part))
	}
	return nil
}

// Compared is how a table differs between main and a branch.
type Compared struct {
	Table      string `json:"table"`
	RowsMain   int64  `json:"rows_main"`
	RowsBranch int64  `json:"rows_branch"`
	// Changes is how many rows differ, by how.
	Changes map[string]int `json:"changes"`
}

// Compare counts the rows of each table that differ between main and a branch.
func (r *Replay) Compare(ctx context.Context, name string) ([]Compared, error) {
	view, err := r.Lake.View(ctx)
	if err != nil {
		return nil, err
	}
	var all []Compared
	err = duck.TemporaryConn(r.Memory, func(conn *duck.Conn) error {
		for _, table := range slices.Sorted(maps.Keys(view.Tables)) {
			t := view.Tables[table]
			to, err := t.Find(ctx, name)
			if err != nil {
				to = t.Snapshot() // it had no rows when the branch was made, and has none in it
			}
			counts, err := query.Difference{Lake: r.Lake, Table: t, From: t.Snapshot(), To: to, Show: r.Show}.Count(ctx, conn)
			if err != nil {
				return err
			}
			main, errMain := r.Lake.Rows(ctx, t, t.Snapshot())
			there, errThere := r.Lake.Rows(ctx, t, to)
			if err := errors.Join(errMain, errThere); err != nil {
				return err
			}
			all = append(all, Compared{table, main, there, counts})
		}
		return nil
	})
	return all, err
}

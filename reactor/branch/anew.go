package branch

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/iceberg-go"

	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// A table whose definition has another key cannot be mended row by row: its rows are other rows. A branch makes it anew from all objects
// of its dataset, and readers of main see the former rows until it is published. Its snapshots stay.

// columns gives the table that is made anew the columns of its definition. Main's rows have null in them.
func (r *Replay) columns(ctx context.Context) error {
	if r.Anew == nil {
		return nil
	}
	return duck.Temporary(r.Memory, func(db *duck.DB) error {
		s, err := promote.NewSilver(promote.Config{Lake: r.Lake, Client: r.Bucket.Client, DB: db, Cache: rows.New(r.Lake), Limits: r.Limits}, r.Anew)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Columns(ctx)
	})
}

// empty takes all rows out of the table that is made anew, and has it say which definition makes the next ones.
func (r *Replay) empty(ctx context.Context, branch *lake.Lake, run string) error {
	if r.Anew == nil {
		return nil
	}
	view, err := branch.View(ctx)
	if err != nil {
		return err
	}
	t, err := view.Table(r.Anew.TableName())
	if err != nil {
		return err
	}
	files, err := branch.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no rows: start the reactor with the new definition, and it takes it", t.Name)
	}
	_, err = branch.Commit(ctx, []lake.Change{{
		Base: t, Remove: files, Properties: tables.Anew(t.Meta, r.Anew), Summary: iceberg.Properties{lake.RunProperty: run},
	}}, nil)
	return err
}

// again finds out whether a branch made a table anew, so that it is made so once more, and returns the objects that it takes.
func (r *Replay) again(ctx context.Context, name string) (iter.Seq2[event.Object, error], error) {
	waiting, err := r.Lake.Waiting(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, d := range datasets.All() {
		if tables.MadeAnew(waiting[d.TableName()]) {
			r.Anew = d
			return reconcile.Select(ctx, r.Bucket, reconcile.Selection{Dataset: d.Name}), nil
		}
	}
	return nil, nil
}

// errOtherDefinition says that a reactor would not go on after a publication.
var errOtherDefinition = errors.New("a reactor runs, and it has another definition: stop it, publish, and start it with the files that the branch was made with (`stack up --no-reactor` starts the rest alone)")

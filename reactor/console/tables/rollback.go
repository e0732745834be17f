package tables

import (
	"context"
	"fmt"
	"net/http"

	"github.com/apache/iceberg-go/table"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
)

// rollback makes an earlier snapshot of a table the current one. Somebody has to type the name of the table.
func (p *Pages) rollback(r *http.Request) (web.Done, error) {
	name, to := r.PathValue("table"), r.PostFormValue("to")
	if _, err := p.find(r.Context(), name); err != nil {
		return web.Done{}, err
	}
	if err := web.Typed(r, name); err != nil {
		return web.Done{}, err
	}
	var before, after *table.Snapshot
	ctx := context.WithoutCancel(r.Context()) // half of it must not be left by a browser that goes away
	t, err := p.lake.OnTable(ctx, name, func(t *lake.Table) (err error) {
		before = t.Snapshot()
		if after, err = t.FindThere(ctx, to); err != nil {
			return web.NotFound("%w", err)
		}
		return promote.Rollback(ctx, p.lake, t, after)
	})
	if err != nil {
		return web.Done{}, err
	}
	return web.Done{
		Title: name + " is rolled back",
		Text:  fmt.Sprintf("It was at snapshot %d and is at %d now: %s.", lake.IDOf(before), after.SnapshotID, promote.AfterRollback(t, after)),
		Next:  []web.Item{{Name: fmt.Sprintf("Undo it: roll back to %d", lake.IDOf(before)), Path: fmt.Sprintf("/tables/%s/snapshots?to=%d#rollback", name, lake.IDOf(before))}},
		Back:  "/tables/" + name + "/snapshots", Command: cli.ShellLine("reactor", "rollback", name, "--to", fmt.Sprint(after.SnapshotID)),
	}, nil
}

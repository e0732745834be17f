package replay

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"millrace/infra/cli"
	"millrace/reactor/announce"
	"millrace/reactor/branch"
	"millrace/reactor/console/web"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

// Branch is a replay that main does not show yet, and how it differs.
type Branch struct {
	lake.BranchInfo
	Tables []branch.Compared `json:"tables"`
}

// memory that a comparison may use; beyond it rows spill to disk.
const memory = "128MiB"

func (p *Pages) find(ctx context.Context, name string) (lake.BranchInfo, error) {
	b, err := branch.Find(ctx, p.Lake, name)
	if errors.Is(err, lake.ErrNoBranch) {
		return b, web.NotFound("%w", err)
	}
	return b, err
}

func (p *Pages) branch(r *http.Request) (Branch, error) {
	ctx := r.Context()
	info, err := p.find(ctx, r.PathValue("branch"))
	if err != nil {
		return Branch{}, err
	}
	replay := &branch.Replay{Lake: p.Lake, Bucket: p.Bucket, Models: p.Models, Memory: memory, Show: progress.Silent}
	compared, err := replay.Compare(ctx, info.Name)
	return Branch{info, compared}, err
}

// notAlone says that a reactor runs: this one.
func notAlone(context.Context) error { return stream.ErrNotAlone }

// publish makes main what a branch is.
func (p *Pages) publish(r *http.Request) (web.Done, error) {
	info, err := p.confirmed(r)
	if err != nil {
		return web.Done{}, err
	}
	ctx := context.WithoutCancel(r.Context())
	before, err := p.Lake.View(ctx)
	if err != nil {
		return web.Done{}, err
	}
	if info, err = branch.Publish(ctx, p.Lake, info.Name, notAlone, nil); err != nil {
		return web.Done{}, &web.Problem{Status: http.StatusConflict, Err: err}
	}
	if err := announce.ClearLetters(ctx, p.Lake, p.JS); err != nil {
		return web.Done{}, fmt.Errorf("the branch is published; dead letters that it answers were not cleared: %w", err)
	}
	undo, err := p.undo(ctx, before)
	if err != nil {
		return web.Done{}, err
	}
	text := fmt.Sprintf("%d events, %d of them dead. ", info.Events, info.Dead)
	if len(undo) == 0 {
		text += "No row of silver has changed by it. What gold shows follows from the models of the reactor that runs."
	} else {
		text += "To undo it, roll back each of these tables, one after the other; gold follows by itself. The page Replay says this as well."
	}
	return web.Done{
		Title: "Branch " + info.Name + " is main", Text: text, Next: undo, Back: "/tables", Command: cli.ShellLine("reactor", "publish", info.Name),
	}, nil
}

// undo are the pages on which what was published is taken back: of each table of silver that moved, the one that rolls it back.
func (p *Pages) undo(ctx context.Context, before *lake.View) (pages []web.Item, err error) {
	after, err := p.Lake.View(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range append(tables.Silver(), tables.Rejected) {
		was, is := before.Tables[name], after.Tables[name]
		if was == nil || is == nil || was.SnapshotID() == 0 || was.SnapshotID() == is.SnapshotID() {
			continue
		}
		pages = append(pages, web.Item{
			Name: fmt.Sprintf("Roll %s back to %d, as it was before", name, was.SnapshotID()),
			Path: fmt.Sprintf("/tables/%s/snapshots?to=%d#rollback", name, was.SnapshotID()),
		})
	}
	return pages, nil
}

// drop takes a branch away.
func (p *Pages) drop(r *http.Request) (web.Done, error) {
	info, err := p.confirmed(r)
	if err != nil {
		return web.Done{}, err
	}
	if err := branch.Drop(r.Context(), p.Lake, info.Name); err != nil {
		return web.Done{}, err
	}
	return web.Done{Title: "Branch " + info.Name + " is gone", Text: "Main is as it was.", Back: "/replay", Command: cli.ShellLine("reactor", "publish", info.Name, "--drop")}, nil
}

// confirmed is the branch of the address, whose name the form has to bring as well: somebody typed it.
func (p *Pages) confirmed(r *http.Request) (lake.BranchInfo, error) {
	info, err := p.find(r.Context(), r.PathValue("branch"))
	if err != nil {
		return info, err
	}
	return info, web.Typed(r, info.Name)
}

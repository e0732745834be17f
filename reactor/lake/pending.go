package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"millrace/infra/tracing"
)

// Pending is a commit whose changes are worked out and written side by side, before all of them are known. It ends with Finish or
// Abandon, and no reader sees anything of it before. One goroutine calls its methods.
type Pending struct {
	lake    *Lake
	ctx     context.Context
	session *session
	work    errgroup.Group
	ready   []*staged // in the order of Stage; one without a base has nothing to change
}

// Begin begins a commit.
func (l *Lake) Begin(ctx context.Context) *Pending {
	return &Pending{lake: l, ctx: ctx, session: newSession(ctx, l.store)}
}

// Stage runs work, which works out a change, in the background and writes the change's files. If work's ok is false there is nothing
// to change.
func (p *Pending) Stage(work func() (c Change, ok bool, err error)) {
	one := &staged{}
	p.ready = append(p.ready, one)
	p.work.Go(func() error {
		c, ok, err := work()
		if err != nil || !ok {
			return err
		}
		next, err := p.lake.stage(p.ctx, p.session, c)
		if err != nil {
			return fmt.Errorf("write %s: %w", c.Base.Name, err)
		}
		one.base, one.next = c.Base, next
		one.seen, err = p.lake.show(next)
		return err
	})
}

// Write writes rows of a table into files now, for a change of the same commit. The rows come as Change's do.
func (p *Pending) Write(t *Table, schema *arrow.Schema, rows iter.Seq2[arrow.RecordBatch, error]) (Written, error) {
	ctx, end := tracing.Span(p.ctx, "write "+t.Name)
	defer end()
	w, err := writeRows(ctx, p.session, t, schema, rows)
	if err != nil {
		return Written{}, fmt.Errorf("write %s: %w", t.Name, err)
	}
	return w, nil
}

// Require runs a condition in the background. If it fails there is no commit.
func (p *Pending) Require(condition func() error) { p.work.Go(condition) }

// Finish waits for everything that was begun. Then it makes all changes and what inTx writes true at once, or none, as Commit does.
func (p *Pending) Finish(inTx func(*Tx, []*Table) error) ([]*Table, error) {
	ctx, end := tracing.Span(p.ctx, "commit")
	defer end()
	return p.end(ctx, nil, inTx)
}

// Abandon waits for what is under way, removes what was written and returns err.
func (p *Pending) Abandon(err error) error {
	_, err = p.end(p.ctx, err, nil)
	return err
}

// end waits for the work and finishes the commit. After err, or an error of the work, it cleans up.
func (p *Pending) end(ctx context.Context, err error, inTx func(*Tx, []*Table) error) ([]*Table, error) {
	err = errors.Join(err, p.work.Wait())
	var all []staged
	for _, one := range p.ready {
		if one.base != nil {
			all = append(all, *one)
		}
	}
	return p.lake.finish(ctx, p.session, all, err, inTx)
}

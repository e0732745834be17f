package promote

import (
	"context"

	"millrace/infra/tracing"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// fillCache puts what a commit wrote to a table into the cache of rows. The next step begins by reading it, and at this
// moment nobody waits. What fails here is read from the files by that step. Without SQL no rows were written.
func (c Config) fillCache(ctx context.Context, before, t *lake.Table, q rows.Query) {
	if q.SQL == "" {
		return
	}
	ctx, end := tracing.Span(ctx, "fill cache")
	defer end()
	if err := c.Cache.Fill(ctx, t, before.Snapshot(), q); err != nil && ctx.Err() == nil {
		c.Log.Warn("rows must be read once more", "table", t.Name, "error", err)
	}
}

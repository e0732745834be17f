package promote

import (
	"context"

	"millrace/infra/tracing"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// fillCache puts the rows that a commit wrote to a table into the cache. The next step begins by reading them, and nobody waits
// now. If this fails, that step reads the files. A query without SQL means that no rows were written.
func (c Config) fillCache(ctx context.Context, before, t *lake.Table, q rows.Query) {
	if q.SQL == "" {
		return
	}
	ctx, end := tracing.Span(ctx, "fill cache")
	defer end()
	if err := c.Cache.Fill(ctx, t, before.Snapshot(), q); err != nil && ctx.Err() == nil {
		c.Log.Warn("cannot cache the rows of a commit; the next step reads its files", "table", t.Name, "error", err)
	}
}

package promote

import (
	"context"
	"log/slog"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// given is a query that gives the rows which a commit wrote, the connection that can still run it, and the column by whose month
// they are partitioned.
type given struct {
	conn        *duck.Conn
	sql, column string
}

// keepAtHand puts what a commit wrote to a table where the next step looks for it, manifests and rows: it begins with that, and now
// nobody waits for it. What fails here, the step reads.
func keepAtHand(ctx context.Context, cache *rows.Cache, log *slog.Logger, before, t *lake.Table, g given) {
	if g.sql == "" { // no rows were written
		return
	}
	ctx, end := tracing.Span(ctx, "keep at hand")
	defer end()
	if err := cache.Fill(ctx, g.conn, t, before.Snapshot(), g.sql, g.column); err != nil && ctx.Err() == nil {
		log.Warn("rows must be read once more", "error", err)
	}
}

package promote

import (
	"context"
	"fmt"

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
func keepAtHand(ctx context.Context, l *lake.Lake, cache *rows.Cache, before, t *lake.Table, g given) error {
	ctx, end := tracing.Span(ctx, "keep at hand")
	defer end()
	added, _, err := l.Diff(ctx, t, before.Snapshot(), t.Snapshot())
	if err != nil {
		return fmt.Errorf("keep %s at hand: %w", t.Name, err)
	}
	if g.sql == "" {
		return nil
	}
	return cache.Fill(ctx, g.conn, t, added, g.sql, g.column)
}

package promote

import (
	"context"
	"fmt"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// aheadRows is how many rows are read ahead: those of a commit that somebody waits for, not those of a rebuild.
const aheadRows = 10_000

// readAhead reads what a commit wrote to a table, manifests and rows: the next step begins with that, and now nobody waits for
// it. What fails here, the step tries again.
func readAhead(ctx context.Context, l *lake.Lake, cache *rows.Cache, conn *duck.Conn, before, t *lake.Table) error {
	ctx, end := tracing.Span(ctx, "read ahead")
	defer end()
	added, _, err := l.Diff(ctx, t, before.Snapshot(), t.Snapshot())
	if err != nil {
		return fmt.Errorf("read %s ahead: %w", t.Name, err)
	}
	var n int64
	for _, f := range added {
		n += f.Rows()
	}
	if n > aheadRows {
		return nil
	}
	held, err := cache.Hold(ctx, conn, t, t.Snapshot(), added)
	if err != nil {
		return fmt.Errorf("read %s ahead: %w", t.Name, err)
	}
	held.Release()
	return nil
}

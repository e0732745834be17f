package lake

import (
	"context"
	"time"
)

// Latest returns the entries of the objects that were put last for a table of silver and since a time, the newest first; at most n of
// them. table has no namespace.
func (l *Lake) Latest(ctx context.Context, table string, since time.Time, n int) (entries []Entry, err error) {
	q := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Where("table_name = ? AND modified_ms >= ?", table, since.UnixMilli()).
		OrderExpr("modified_ms DESC").Limit(n)
	err = l.eachEntry(ctx, q, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

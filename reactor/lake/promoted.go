package lake

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Promoted returns the entries of objects that were put between two times and whose effect a table of silver holds. The newest comes
// first: that is the order in which their rows win. table has no namespace.
func (l *Lake) Promoted(ctx context.Context, table string, from, to time.Time) (entries []Entry, err error) {
	err = l.eachEntry(ctx, l.promoted(table, from, to), func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

func (l *Lake) promoted(table string, from, to time.Time) *bun.SelectQuery {
	return l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).
		Where("table_name = ? AND outcome = ? AND modified_ms BETWEEN ? AND ?", table, OutcomeDone, from.UnixMilli(), to.UnixMilli()).
		OrderExpr("modified_ms DESC, source_key DESC, source_version DESC")
}

// Below takes a key as a folder, and returns how many objects the ledger knows in it, and the first of them. An object of that key
// hides them from MinIO's listings.
func (l *Lake) Below(ctx context.Context, key string) (n int, first string, err error) {
	// In the order of keys, '0' is the character after '/'.
	err = l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).ColumnExpr("count(*), coalesce(min(source_key), '')").
		Where("source_key > ? AND source_key < ? AND outcome <> ?", key+"/", key+"0", OutcomeRemoved).Scan(ctx, &n, &first)
	if err != nil {
		return 0, "", fmt.Errorf("read ledger: %w", err)
	}
	return n, first, nil
}

package lake

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// runRow says that a replay had an event. The ledger names the last replay of each event only, and two replays at once must both
// come to their end.
type runRow struct {
	bun.BaseModel `bun:"table:millrace_runs"`
	Run           string
	EventID       string
}

// recordRuns notes the replays of entries.
func (t *Tx) recordRuns(ctx context.Context, entries []Entry) error {
	var rows []runRow
	for _, e := range entries {
		if e.Run != "" {
			rows = append(rows, runRow{Run: e.Run, EventID: e.EventID})
		}
	}
	for some := range slices.Chunk(rows, rowsAtOnce) {
		if _, err := t.tx.NewInsert().Model(&some).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// CountRun counts the events of a replay that have been worked on.
func (l *Lake) CountRun(ctx context.Context, run string) (int, error) {
	n, err := l.catalog.db.NewSelect().Model((*runRow)(nil)).Where("run = ?", run).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the events of replay %s: %w", run, err)
	}
	return n, nil
}

// ForgetRuns forgets which events the replays had, but for the last keep replays. The ledger names the last replay of each event
// all the same. Names of replays begin with their time.
func (l *Lake) ForgetRuns(ctx context.Context, keep int) error {
	return l.catalog.write(ctx, func(tx *Tx) error {
		kept := tx.tx.NewSelect().Model((*runRow)(nil)).Distinct().Column("run").Order("run DESC").Limit(keep)
		if _, err := tx.tx.NewDelete().Model((*runRow)(nil)).Where("run NOT IN (?)", kept).Exec(ctx); err != nil {
			return fmt.Errorf("forget old replays: %w", err)
		}
		return nil
	})
}

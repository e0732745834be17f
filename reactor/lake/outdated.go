package lake

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Outdate says in the ledger that an earlier definition read the objects of a table of silver. From now on the reconciler does not
// know them, and brings each again.
func (t *Tx) Outdate(ctx context.Context, name string) error {
	id, err := parseName(name)
	if err != nil {
		return err
	}
	_, err = t.tx.NewUpdate().Model((*ledgerRow)(nil)).Set("outcome = ?", OutcomeOutdated).
		Where("table_name = ? AND outcome IN (?, ?)", id.Name, OutcomeDone, OutcomeDead).Exec(ctx)
	if err != nil {
		return fmt.Errorf("outdate the events of %s: %w", name, err)
	}
	return nil
}

// Outdated counts the objects of a table of silver that an earlier definition read.
func (l *Lake) Outdated(ctx context.Context, name string) (int, error) {
	return l.count(ctx, name, OutcomeOutdated)
}

// ReadObjects counts the objects of a table of silver that were read, whatever came of it.
func (l *Lake) ReadObjects(ctx context.Context, name string) (int, error) {
	return l.count(ctx, name, OutcomeDone, OutcomeDead, OutcomeOutdated)
}

// AnyOutdated tells whether there is one.
func (l *Lake) AnyOutdated(ctx context.Context, name string) (bool, error) {
	id, err := parseName(name)
	if err != nil {
		return false, err
	}
	there, err := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Where("table_name = ? AND outcome = ?", id.Name, OutcomeOutdated).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for outdated events of %s: %w", name, err)
	}
	return there, nil
}

func (l *Lake) count(ctx context.Context, name string, outcomes ...string) (int, error) {
	id, err := parseName(name)
	if err != nil {
		return 0, err
	}
	n, err := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).Where("table_name = ? AND outcome IN (?)", id.Name, bun.List(outcomes)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the events of %s: %w", name, err)
	}
	return n, nil
}

// OutdatedOf tells which of the events an earlier definition read.
func (l *Lake) OutdatedOf(ctx context.Context, eventIDs []string) (map[string]bool, error) {
	return l.these(ctx, eventIDs, "outcome = ?", OutcomeOutdated)
}

// Recorded tells which of the events the ledger has, those that an earlier definition read among them.
func (l *Lake) Recorded(ctx context.Context, eventIDs []string) (map[string]bool, error) {
	return l.these(ctx, eventIDs, "outcome <> ?", OutcomeRemoved)
}

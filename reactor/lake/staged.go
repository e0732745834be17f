package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// branchRow is what the database holds of a branch.
type branchRow struct {
	bun.BaseModel `bun:"table:millrace_branches,alias:b"`
	Name          string
	Run           string
	Ready         bool
	MadeUS        int64 `bun:"made_us"`
}

// stagedRow is an entry that a branch's commit would have written into the ledger. It waits until the branch is published.
type stagedRow struct {
	bun.BaseModel `bun:"table:millrace_staged,alias:e"`
	Branch        string
	ledgerRow
}

// stagedRows makes rows of the branch of rows of the ledger.
func (b *branch) stagedRows(rows []ledgerRow) []stagedRow {
	staged := make([]stagedRow, len(rows))
	for i, r := range rows {
		staged[i] = stagedRow{Branch: b.name, ledgerRow: r}
	}
	return staged
}

func (t *Tx) beginBranch(ctx context.Context, name, run string, now time.Time) error {
	row := branchRow{Name: name, Run: run, MadeUS: now.UnixMicro()}
	n, err := affected(t.tx.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx))
	if err == nil && n == 0 {
		err = ErrBranchExists
	}
	if err != nil {
		return fmt.Errorf("make branch %s: %w", name, err)
	}
	return nil
}

// BranchReady notes that everything that a branch is for is in it. From now on it can be published.
func (l *Lake) BranchReady(ctx context.Context, name string) error {
	return l.catalog.write(ctx, func(tx *Tx) error {
		n, err := affected(tx.tx.NewUpdate().Model((*branchRow)(nil)).Set("ready = ?", true).Where("name = ?", name).Exec(ctx))
		if err == nil && n == 0 {
			err = ErrNoBranch
		}
		if err != nil {
			return fmt.Errorf("complete branch %s: %w", name, err)
		}
		return nil
	})
}

// BeingWritten returns the name of a branch that is not complete and was made since a time, "" for none.
func (l *Lake) BeingWritten(ctx context.Context, since time.Time) (string, error) {
	var names []string
	err := l.catalog.db.NewSelect().Model((*branchRow)(nil)).Column("name").Where("NOT ready AND made_us > ?", since.UnixMicro()).Limit(1).Scan(ctx, &names)
	if err != nil {
		return "", fmt.Errorf("read branches: %w", err)
	}
	return strings.Join(names, ""), nil
}

// isReady fails if a branch is not there or not complete.
func (l *Lake) isReady(ctx context.Context, name string) error {
	var row branchRow
	err := l.catalog.db.NewSelect().Model(&row).Where("name = ?", name).Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = ErrNoBranch
	case err == nil && !row.Ready:
		err = ErrNotReady
	}
	if err != nil {
		return fmt.Errorf("publish branch %s: %w", name, err)
	}
	return nil
}

// publishLedger copies the entries that a branch has staged into the ledger.
func (t *Tx) publishLedger(ctx context.Context, name string) error {
	const columns = `event_id, table_name, source_key, source_version, modified_ms, outcome, reason, snapshot_id, sequence_number, run, committed_us`
	if _, err := t.tx.ExecContext(ctx, `INSERT INTO millrace_ledger (`+columns+`) SELECT `+columns+` FROM millrace_staged WHERE branch = ?
		ON CONFLICT (event_id) DO UPDATE SET `+replaceEntry, name); err != nil {
		return fmt.Errorf("publish the ledger of branch %s: %w", name, err)
	}
	return nil
}

// endBranch takes away what the database holds of a branch.
func (t *Tx) endBranch(ctx context.Context, name string) error {
	_, staged := t.tx.NewDelete().Model((*stagedRow)(nil)).Where("branch = ?", name).Exec(ctx)
	_, row := t.tx.NewDelete().Model((*branchRow)(nil)).Where("name = ?", name).Exec(ctx)
	return errors.Join(staged, row)
}

// Staged calls f for each event that a branch has worked on, until f fails.
func (l *Lake) Staged(ctx context.Context, name string, f func(Entry) error) error {
	q := l.catalog.db.NewSelect().Model((*ledgerRow)(nil)).ModelTableExpr("millrace_staged AS e").Where("branch = ?", name).Order("event_id")
	return l.eachEntry(ctx, q, f)
}

// BranchInfo is what is known of a branch.
type BranchInfo struct {
	Name   string    `json:"branch"`
	Run    string    `json:"run"`
	Ready  bool      `json:"ready"`
	Made   time.Time `json:"made_at"`
	Events int       `json:"events"` // worked on
	Dead   int       `json:"dead"`   // those of Events whose object cannot be read
	Moved  []string  `json:"moved"`  // tables that have commits on main which the branch does not have
}

// Branches lists the branches of replays, by name.
func (l *Lake) Branches(ctx context.Context) ([]BranchInfo, error) {
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	return l.branches(ctx, view)
}

func (l *Lake) branches(ctx context.Context, view *View) ([]BranchInfo, error) {
	var rows []struct {
		branchRow
		Events, Dead int
	}
	err := l.catalog.db.NewSelect().Model((*branchRow)(nil)).Column("b.name", "b.run", "ready", "made_us").
		ColumnExpr("count(s.event_id) AS events, count(CASE WHEN s.outcome = ? THEN 1 END) AS dead", OutcomeDead).
		Join("LEFT JOIN millrace_staged AS s ON s.branch = b.name").
		Group("b.name", "b.run", "ready", "made_us").Order("b.name").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read branches: %w", err)
	}
	all := make([]BranchInfo, len(rows))
	for i, r := range rows {
		all[i] = BranchInfo{Name: r.Name, Run: r.Run, Ready: r.Ready, Made: time.UnixMicro(r.MadeUS).UTC(), Events: r.Events, Dead: r.Dead}
		if all[i].Moved, err = view.moved(r.Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// moved lists the tables that have commits on main which a branch does not have.
func (v *View) moved(branch string) (names []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(v.Tables)) {
		shown, err := v.Tables[name].onBranch(branch)
		if err != nil {
			return nil, err
		}
		if !shown.descends() {
			names = append(names, name)
		}
	}
	return names, nil
}

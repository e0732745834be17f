package lake

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Pin says up to which snapshot of a silver table gold was computed.
type Pin struct {
	SnapshotID int64
	Sequence   int64 `bun:"sequence_number"`
}

// Pins are those of one gold step, by silver table. Steps count up from 1; step 0 is a lake without gold.
type Pins struct {
	Step   int64
	Tables map[string]Pin
}

type pinRow struct {
	bun.BaseModel `bun:"table:millrace_pins"`
	Step          int64
	TableName     string
	Pin
	CommittedUS int64 `bun:"committed_us"`
}

const (
	// keptSteps is how many steps back one can ask when gold caught up with a snapshot, and what its audits found.
	keptSteps = 1000
	// forgetEvery is how many steps pass until older ones are forgotten. At each step it would cost a round trip to the database.
	forgetEvery = 50
)

// Pin records the pins of the next gold step. Another step in between is a conflict, also when it changed no table.
func (t *Tx) Pin(ctx context.Context, p Pins, at time.Time) error {
	if t.branch != nil {
		t.branch.pin(p)
		return nil
	}
	var rows []pinRow
	for name, pin := range p.Tables {
		rows = append(rows, pinRow{Step: p.Step, TableName: name, Pin: pin, CommittedUS: at.UnixMicro()})
	}
	if len(rows) > 0 {
		n, err := affected(t.tx.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Exec(ctx))
		if err != nil {
			return fmt.Errorf("pin step %d: %w", p.Step, err)
		}
		if n < int64(len(rows)) {
			return fmt.Errorf("pin step %d: %w", p.Step, ErrConflict)
		}
	}
	if p.Step%forgetEvery != 0 {
		return nil
	}
	if _, err := t.tx.NewDelete().Model((*pinRow)(nil)).Where("step < ?", p.Step-keptSteps).Exec(ctx); err != nil {
		return fmt.Errorf("forget old steps: %w", err)
	}
	return t.forgetAudits(ctx, p.Step-keptSteps)
}

// MovePin moves the pin of a table from a snapshot to a later one with the same rows, so that gold has nothing to find out about
// it. A pin that is elsewhere stays: then gold compares rows, as after any change.
func (t *Tx) MovePin(ctx context.Context, name string, from int64, to Pin) error {
	_, err := t.tx.ExecContext(ctx, `UPDATE millrace_pins SET snapshot_id = ?, sequence_number = ?
		WHERE table_name = ? AND snapshot_id = ? AND step = (SELECT max(step) FROM millrace_pins)`, to.SnapshotID, to.Sequence, name, from)
	if err != nil {
		return fmt.Errorf("move the pin of %s: %w", name, err)
	}
	return nil
}

// Pins reads up to which snapshots of silver gold was computed.
func (l *Lake) Pins(ctx context.Context) (Pins, error) { return pins(ctx, l.catalog.db) }

func pins(ctx context.Context, db bun.IDB) (Pins, error) {
	p := Pins{Tables: map[string]Pin{}}
	var rows []pinRow
	if err := db.NewSelect().Model(&rows).Where("step = (SELECT max(step) FROM millrace_pins)").Scan(ctx); err != nil {
		return p, fmt.Errorf("read pins: %w", err)
	}
	for _, r := range rows {
		p.Step, p.Tables[r.TableName] = r.Step, r.Pin
	}
	return p, nil
}

// Reached tells when gold first covered a sequence number of a silver table; ok is false when it has not yet.
func (l *Lake) Reached(ctx context.Context, name string, sequence int64) (at time.Time, ok bool, err error) {
	var us sql.NullInt64
	err = l.catalog.db.NewSelect().Model((*pinRow)(nil)).ColumnExpr("min(committed_us)").Where("table_name = ? AND sequence_number >= ?", name, sequence).Scan(ctx, &us)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read pins: %w", err)
	}
	return time.UnixMicro(us.Int64).UTC(), us.Valid, nil
}

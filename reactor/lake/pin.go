package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Pin says up to which snapshot of a silver table gold was computed.
type Pin struct {
	SnapshotID int64
	Sequence   int64
}

// Pins are those of one gold step, by silver table. Steps count up from 1; step 0 is a lake without gold.
type Pins struct {
	Step   int64
	Tables map[string]Pin
}

// keptSteps is how many steps back one can ask when gold caught up with a snapshot.
const keptSteps = 1000

// Pin records the pins of the next gold step. Another step in between is a conflict, also when it changed no table.
func (t *Tx) Pin(ctx context.Context, p Pins, at time.Time) error {
	if t.branch != nil {
		t.branch.pin(p)
		return nil
	}
	for name, pin := range p.Tables {
		n, err := t.exec(ctx, `INSERT INTO millrace_pins (step, table_name, snapshot_id, sequence_number, committed_us)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, p.Step, name, pin.SnapshotID, pin.Sequence, at.UnixMicro())
		if err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
		if n == 0 {
			return fmt.Errorf("pin %s at step %d: %w", name, p.Step, ErrConflict)
		}
	}
	_, err := t.exec(ctx, `DELETE FROM millrace_pins WHERE step < ?`, p.Step-keptSteps)
	return err
}

// MovePin moves the pin of a table from a snapshot to a later one with the same rows, so that gold has nothing to find out
// about it. A pin that is elsewhere stays: then gold compares rows, as after any change.
func (t *Tx) MovePin(ctx context.Context, name string, from int64, to Pin) error {
	_, err := t.exec(ctx, `UPDATE millrace_pins SET snapshot_id = ?, sequence_number = ?
		WHERE table_name = ? AND snapshot_id = ? AND step = (SELECT max(step) FROM millrace_pins)`, to.SnapshotID, to.Sequence, name, from)
	if err != nil {
		return fmt.Errorf("move the pin of %s: %w", name, err)
	}
	return nil
}

func (c *catalog) pins(ctx context.Context, tx *sql.Tx) (Pins, error) {
	p := Pins{Tables: map[string]Pin{}}
	rows, err := tx.QueryContext(ctx, `SELECT step, table_name, snapshot_id, sequence_number FROM millrace_pins
		WHERE step = (SELECT max(step) FROM millrace_pins)`)
	if err != nil {
		return p, fmt.Errorf("read pins: %w", err)
	}
	for rows.Next() {
		var name string
		var pin Pin
		if err := rows.Scan(&p.Step, &name, &pin.SnapshotID, &pin.Sequence); err != nil {
			return p, errors.Join(fmt.Errorf("read pins: %w", err), rows.Close())
		}
		p.Tables[name] = pin
	}
	return p, errors.Join(rows.Err(), rows.Close())
}

// Reached tells when gold first covered a sequence number of a silver table; ok is false when it has not yet.
func (l *Lake) Reached(ctx context.Context, name string, sequence int64) (at time.Time, ok bool, err error) {
	var us sql.NullInt64
	err = l.catalog.db.QueryRowContext(ctx, l.catalog.bind(`SELECT min(committed_us) FROM millrace_pins
		WHERE table_name = ? AND sequence_number >= ?`), name, sequence).Scan(&us)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read pins: %w", err)
	}
	return time.UnixMicro(us.Int64).UTC(), us.Valid, nil
}

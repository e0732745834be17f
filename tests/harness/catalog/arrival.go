package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Arrival is when an object's rows were committed. Gold is the zero time while it has not got there.
type Arrival struct{ Silver, Gold time.Time }

// inGold tells when gold first covered the ledger entry e.
const inGold = `(SELECT min(committed_us) FROM millrace_pins AS p WHERE p.table_name = 'silver.' || e.table_name AND p.sequence_number >= e.sequence_number)`

// Arrivals reads when all objects between two keys, both included, arrived, by key.
func (c *Catalog) Arrivals(ctx context.Context, first, last string) (map[string]Arrival, error) {
	all := map[string]Arrival{}
	read := func(rows *sql.Rows) error {
		var key string
		var silver int64
		var gold sql.NullInt64
		if err := rows.Scan(&key, &silver, &gold); err != nil {
			return err
		}
		a := Arrival{Silver: time.UnixMicro(silver)}
		if gold.Valid {
			a.Gold = time.UnixMicro(gold.Int64)
			// An object that changed nothing is recorded when gold had long caught up.
			if a.Gold.Before(a.Silver) {
				a.Gold = a.Silver
			}
		}
		all[key] = a
		return nil
	}
	err := c.each(ctx, "ledger", `SELECT source_key, committed_us, `+inGold+` FROM millrace_ledger AS e WHERE source_key >= ? AND source_key <= ?`, read, first, last)
	return all, err
}

// Promoted says how far the objects below a prefix have come: Silver counts the objects that are in silver, Gold the silver tables of
// theirs that gold covers. The times are those of the last commits.
type Promoted struct {
	Silver, Gold         int
	LastSilver, LastGold time.Time
}

// Promoted is one glance at the objects below a prefix, cheap enough to be repeated beside what is measured. A dead letter
// among them is an error.
func (c *Catalog) Promoted(ctx context.Context, prefix string) (p Promoted, err error) {
	var dead int
	var reason sql.NullString
	var silver sql.NullInt64
	end := prefix + "\U0010ffff"
	err = c.db.QueryRowContext(ctx, `SELECT count(*), max(committed_us), count(nullif(outcome, 'done')), max(reason) FROM millrace_ledger WHERE source_key >= ? AND source_key < ?`, prefix, end).
		Scan(&p.Silver, &silver, &dead, &reason)
	if err != nil {
		return p, fmt.Errorf("read the ledger: %w", err)
	}
	if dead > 0 {
		return p, fmt.Errorf("%d objects below %s became dead letters: %s", dead, prefix, reason.String)
	}
	p.LastSilver = time.UnixMicro(silver.Int64)
	var gold sql.NullInt64
	err = c.db.QueryRowContext(ctx, `SELECT count(g), max(g) FROM (SELECT n, `+inGold+` AS g FROM
		(SELECT count(*) AS n, table_name, max(sequence_number) AS sequence_number FROM millrace_ledger WHERE source_key >= ? AND source_key < ? GROUP BY table_name) AS e)`, prefix, end).
		Scan(&p.Gold, &gold)
	if err != nil {
		return p, fmt.Errorf("read the pins: %w", err)
	}
	p.LastGold = time.UnixMicro(gold.Int64)
	return p, nil
}

// Await returns when n objects below a prefix are in gold. All of them go to one silver table.
func (c *Catalog) Await(ctx context.Context, prefix string, n int) (Promoted, error) {
	for {
		p, err := c.Promoted(ctx, prefix)
		if err != nil {
			return p, err
		}
		if p.Silver >= n && p.Gold == 1 {
			if p.LastGold.Before(p.LastSilver) {
				p.LastGold = p.LastSilver
			}
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, fmt.Errorf("wait for %d objects below %s, %d are in silver: %w", n, prefix, p.Silver, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "github.com/mattn/go-sqlite3" // the catalog's database
)

// catalog reads ledger and pins in the lake's database as a bystander: what they say is what was committed, at the time of
// the clock that the bench looks at, too.
type catalog struct {
	db *sql.DB
}

func openCatalog(file string) (*catalog, error) {
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro&_busy_timeout=10000")
	if err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	return &catalog{db}, nil
}

func (c *catalog) close() error { return c.db.Close() }

// arrival is when an object's rows were committed.
type arrival struct {
	silver, gold time.Time
}

// promoted are the objects below a prefix that are in silver: how many, the last commit, and how many are in gold as well.
type promoted struct {
	silver, gold         int
	lastSilver, lastGold time.Time
}

// inGold tells when gold first covered the ledger entry e.
const inGold = `(SELECT min(committed_us) FROM millrace_pins AS p WHERE p.table_name = 'silver.' || e.table_name AND p.sequence_number >= e.sequence_number)`

// arrivals are those of all objects between two keys, both included.
func (c *catalog) arrivals(ctx context.Context, first, last string) (map[string]arrival, error) {
	rows, err := c.db.QueryContext(ctx, `SELECT source_key, committed_us, `+inGold+` FROM millrace_ledger AS e WHERE source_key >= ? AND source_key <= ?`, first, last)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	all := map[string]arrival{}
	for rows.Next() {
		var key string
		var silver int64
		var gold sql.NullInt64
		if err := rows.Scan(&key, &silver, &gold); err != nil {
			return nil, errors.Join(fmt.Errorf("read the ledger: %w", err), rows.Close())
		}
		a := arrival{silver: time.UnixMicro(silver)}
		if gold.Valid {
			a.gold = time.UnixMicro(gold.Int64)
			// An object that changed nothing is recorded when gold had long caught up.
			if a.gold.Before(a.silver) {
				a.gold = a.silver
			}
		}
		all[key] = a
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// look is one glance at the objects below a prefix, cheap enough to be repeated beside what is measured.
func (c *catalog) look(ctx context.Context, prefix string) (p promoted, err error) {
	var dead int
	var reason sql.NullString
	var silver sql.NullInt64
	end := prefix + "\U0010ffff"
	err = c.db.QueryRowContext(ctx, `SELECT count(*), max(committed_us), count(nullif(outcome, 'done')), max(reason) FROM millrace_ledger WHERE source_key >= ? AND source_key < ?`, prefix, end).
		Scan(&p.silver, &silver, &dead, &reason)
	if err != nil {
		return p, fmt.Errorf("read the ledger: %w", err)
	}
	if dead > 0 {
		return p, fmt.Errorf("%d objects below %s became dead letters: %s", dead, prefix, reason.String)
	}
	p.lastSilver = time.UnixMicro(silver.Int64)
	var gold sql.NullInt64
	err = c.db.QueryRowContext(ctx, `SELECT count(g), max(g) FROM (SELECT n, `+inGold+` AS g FROM
		(SELECT count(*) AS n, table_name, max(sequence_number) AS sequence_number FROM millrace_ledger WHERE source_key >= ? AND source_key < ? GROUP BY table_name) AS e)`, prefix, end).
		Scan(&p.gold, &gold)
	if err != nil {
		return p, fmt.Errorf("read the pins: %w", err)
	}
	p.lastGold = time.UnixMicro(gold.Int64)
	return p, nil
}

// await returns when n objects below a prefix are in gold. All of them go to one silver table.
func (c *catalog) await(ctx context.Context, prefix string, n int) (promoted, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p, err := c.look(ctx, prefix)
		if err != nil {
			return p, err
		}
		if p.silver >= n && p.gold == 1 {
			if p.lastGold.Before(p.lastSilver) {
				p.lastGold = p.lastSilver
			}
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, fmt.Errorf("wait for %d objects below %s, %d are in silver: %w", n, prefix, p.silver, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

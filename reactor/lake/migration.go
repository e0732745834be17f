package lake

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// migration brings the tables of a catalog from one version to the next, within one transaction.
type migration struct {
	name string
	up   func(context.Context, bun.Tx) error
}

// migrations lead from an empty database, version 0, to the tables that this program works with. The first one leads to version
// 1. To change a table, append a migration; one that is out in the world never changes.
var migrations = []migration{
	{"first tables", statements(firstTables)},
	{"ledger by time", statements(ledgerByTime)},
	{"receipts", statements(receipts)},
	{"turns", statements(turns)},
	{"audits", statements(audits)},
}

//go:embed migrations/0001_first_tables.sql
var firstTables string

//go:embed migrations/0002_ledger_by_time.sql
var ledgerByTime string

//go:embed migrations/0003_receipts.sql
var receipts string

//go:embed migrations/0004_turns.sql
var turns string

//go:embed migrations/0005_audits.sql
var audits string

// statements makes a migration of SQL that both databases understand. Where they differ, the migration asks tx.Dialect.
func statements(text string) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.Tx.ExecContext(ctx, text) // not through bun, which would take a question mark for a placeholder
		return err
	}
}

// versionTable has a row for each migration that the catalog has had. Catalogs of before this table are version 0.
const versionTable = `CREATE TABLE IF NOT EXISTS millrace_schema (version BIGINT PRIMARY KEY, name TEXT NOT NULL, migrated_us BIGINT NOT NULL)`

// ErrNewerCatalog says that a later program has changed the tables of the catalog.
var ErrNewerCatalog = errors.New("the catalog is newer than this program")

// migrate brings the catalog to the version that steps lead to. It only reads where the catalog has that version already, so
// that somebody without the right to write can open it.
//
// bun/migrate is not used: it records a migration outside the migration's transaction, and its lock is a row that a killed
// process leaves behind. goose writes before it knows whether it has to, and has no lock for SQLite.
func (c *catalog) migrate(ctx context.Context, steps []migration) error {
	have, err := c.known(ctx, steps)
	if err != nil || have == len(steps) {
		return err
	}
	for version := have + 1; version <= len(steps) && err == nil; version++ {
		err = c.step(ctx, version, steps[version-1])
	}
	if errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("the catalog's tables have version %d, and this program needs version %d: open the lake once as a user who may change them (`reactor tables` does): %w", have, len(steps), err)
	}
	return err
}

// step applies one migration. The row of the version is also the lock: of two processes, the second one's insert waits for the
// first one's transaction and then finds that nothing is left to do.
func (c *catalog) step(ctx context.Context, version int, m migration) error {
	err := c.write(ctx, func(tx *Tx) error {
		if version == 1 {
			if _, err := tx.tx.ExecContext(ctx, versionTable); err != nil {
				return err
			}
		}
		n, err := affected(tx.tx.ExecContext(ctx, `INSERT INTO millrace_schema (version, name, migrated_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			version, m.name, time.Now().UnixMicro()))
		if err != nil || n == 0 {
			return err
		}
		return m.up(ctx, tx.tx)
	})
	if err == nil {
		return nil
	}
	// PostgreSQL fails where two processes make the table of versions at once; then the other one has done the migration.
	if have, askErr := c.version(ctx); askErr == nil && have >= version {
		return nil
	}
	return fmt.Errorf("migrate the catalog to version %d (%s): %w", version, m.name, err)
}

// known is the version of the catalog's tables, if it is one that steps lead to.
func (c *catalog) known(ctx context.Context, steps []migration) (int, error) {
	have, err := c.version(ctx)
	if err == nil && have > len(steps) {
		err = fmt.Errorf("%w: its tables have version %d, and this program knows versions up to %d: use the millrace that last wrote the catalog, or a later one", ErrNewerCatalog, have, len(steps))
	}
	return have, err
}

// version is that of the catalog's tables.
func (c *catalog) version(ctx context.Context) (version int, err error) {
	there, err := c.hasTable(ctx, "millrace_schema")
	if err != nil || !there {
		return 0, err
	}
	if err := c.db.NewSelect().TableExpr("millrace_schema").ColumnExpr("coalesce(max(version), 0)").Scan(ctx, &version); err != nil {
		if sqlState(err) == insufficientPrivilege {
			err = fmt.Errorf("%w (a migration made new tables since this role was granted SELECT ON ALL TABLES: grant it again)", err)
		}
		return 0, fmt.Errorf("read the version of the catalog: %w", err)
	}
	return version, nil
}

func (c *catalog) hasTable(ctx context.Context, name string) (there bool, err error) {
	ask := `SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = ?`
	if c.db.Dialect().Name() == dialect.PG {
		ask = `SELECT to_regclass(?) IS NOT NULL`
	}
	if err := c.db.NewRaw(ask, name).Scan(ctx, &there); err != nil {
		return false, fmt.Errorf("look for the catalog's table %s: %w", name, err)
	}
	return there, nil
}

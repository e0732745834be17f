package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// What follows changes a catalog behind the reactor's back, as users and other programs do.

// Files lists the database and what SQLite keeps beside it.
func Files(file string) []string { return []string{file, file + "-wal", file + "-shm"} }

// Copy writes a copy of the catalog as a backup does. The copy must not be there yet.
func Copy(ctx context.Context, file, to string) error {
	return change(file, "copy the catalog", func(c *Catalog) error {
		_, err := c.db.ExecContext(ctx, "VACUUM INTO ?", to)
		return err
	})
}

// Replace puts another file in the catalog's place, as a user would.
func Replace(file, by string) error {
	for _, beside := range Files(file)[1:] {
		if err := os.Remove(beside); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("replace the catalog: %w", err)
		}
	}
	if err := os.Rename(by, file); err != nil {
		return fmt.Errorf("replace the catalog: %w", err)
	}
	return nil
}

// Lock takes SQLite's write lock, as another program may, until the function that it returns is called.
func Lock(ctx context.Context, file string) (unlock func() error, err error) {
	db, err := open(file, "_busy_timeout=60000&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the catalog %s: %w", file, err), db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// Forget takes all entries out of the ledger but those of one key.
func Forget(ctx context.Context, file, but string) error {
	return change(file, "forget entries of the ledger", func(c *Catalog) error {
		_, err := c.db.ExecContext(ctx, "DELETE FROM millrace_ledger WHERE source_key <> ?", but)
		return err
	})
}

// MovePointers gives tables other metadata: from location to location.
func MovePointers(ctx context.Context, file string, moves map[string]string) error {
	return change(file, "move the pointers", func(c *Catalog) error {
		for from, to := range moves {
			if _, err := c.db.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ? WHERE metadata_location = ?`, to, from); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddEntries writes n entries of objects into the ledger, as if snapshots of /assets had come for years until a day: what a ledger that
// large costs does not depend on the objects being there.
func AddEntries(ctx context.Context, file string, n int, until time.Time) error {
	const atOnce = 50_000 // between two of these, the reactor has its turn to write
	return change(file, "add entries to the ledger", func(c *Catalog) error {
		for from := 0; from < n; from += atOnce {
			_, err := c.db.DB.ExecContext(ctx, `INSERT INTO millrace_ledger
				(event_id, table_name, source_key, source_version, modified_ms, outcome, reason, snapshot_id, sequence_number, run, committed_us)
				WITH RECURSIVE number(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM number WHERE i + 1 < ?2),
				put(i, ms) AS (SELECT i, ?3 - 240000 * i FROM number)
				SELECT lower(hex(randomblob(32))), 'asset_snapshots',
					printf('bronze/coincap/assets/ingest_date=%s/assets_%07d_%s.json', date(ms / 1000, 'unixepoch'), i, lower(hex(randomblob(8)))),
					lower(hex(randomblob(16))), ms, 'done', '', 1, 1, '', 1000 * ms + 30000 FROM put`, from, min(from+atOnce, n), until.UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DropTable takes a table out of the catalog, as another engine's DROP TABLE does.
func DropTable(ctx context.Context, file, table string) error {
	namespace, name, _ := strings.Cut(table, ".")
	return change(file, "drop "+table, func(c *Catalog) error {
		_, err := c.db.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?`, namespace, name)
		return err
	})
}

// RenameTable gives a table another name in its namespace, as another engine's ALTER TABLE does.
func RenameTable(ctx context.Context, file, table, to string) error {
	namespace, name, _ := strings.Cut(table, ".")
	return change(file, "rename "+table, func(c *Catalog) error {
		_, err := c.db.ExecContext(ctx, `UPDATE iceberg_tables SET table_name = ? WHERE table_namespace = ? AND table_name = ?`, to, namespace, name)
		return err
	})
}

// AddTable names metadata as a table, as another engine's CREATE TABLE does.
func AddTable(ctx context.Context, file, table, metadata string) error {
	namespace, name, _ := strings.Cut(table, ".")
	return change(file, "add "+table, func(c *Catalog) error {
		_, err := c.db.ExecContext(ctx, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
			VALUES ('lakehouse', ?, ?, 'TABLE', ?)`, namespace, name, metadata)
		return err
	})
}

func change(file, what string, do func(*Catalog) error) error {
	db, err := open(file, "_busy_timeout=10000")
	if err != nil {
		return err
	}
	if err := errors.Join(do(&Catalog{db}), db.Close()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

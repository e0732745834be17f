package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-sqlite3"
)

// ErrNotSQLite says that the catalog is not SQLite, and that its database has tools of its own for this.
var ErrNotSQLite = errors.New("the catalog is in PostgreSQL: back it up with pg_dump, and restore it with pg_restore while no reactor runs")

// Backup copies the catalog's database, with ledger and pins, into a new file as it is at one instant. The lake may be in use.
func (l *Lake) Backup(ctx context.Context, file string) error {
	if l.catalog.file == nil {
		return ErrNotSQLite
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("back up the catalog: %w", err)
	}
	defer func() { _ = f.Close() }() // synced below
	to := (&databaseFile{path: file}).open("")
	err = copyDatabase(ctx, l.catalog.db.DB, to.DB)
	if err == nil {
		// The copy is one file: somebody would forget to copy a log beside it.
		_, err = to.ExecContext(ctx, "PRAGMA journal_mode = DELETE")
	}
	if err == nil {
		err = intact(ctx, to.DB)
	}
	if err = errors.Join(err, to.Close(), f.Sync()); err != nil {
		return fmt.Errorf("back up the catalog to %s: %w", file, err)
	}
	return nil
}

// RestoreFrom makes the catalog's database what a file of Backup's holds, and migrates it if an earlier program made the backup.
// It writes through SQLite, in one transaction, and puts no other file in the place of the database: whoever has it open sees
// the change, or fails, and does not write on into a file that is gone.
func (l *Lake) RestoreFrom(ctx context.Context, file string) error {
	if l.catalog.file == nil {
		return ErrNotSQLite
	}
	if err := l.restoreFrom(ctx, file); err != nil {
		return fmt.Errorf("restore the catalog from %s: %w", file, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.loaded)
	return nil
}

func (l *Lake) restoreFrom(ctx context.Context, file string) error {
	from, err := openBackup(file)
	if err != nil {
		return err
	}
	defer func() { _ = from.db.Close() }() // only read
	if err := intact(ctx, from.db.DB); err != nil {
		return err
	}
	if _, err := from.known(ctx, migrations); err != nil {
		return err
	}
	if err := copyDatabase(ctx, from.db.DB, l.catalog.db.DB); err != nil {
		return err
	}
	// The copy says how its source kept its log.
	_, err = unlocked(ctx, func() (sql.Result, error) {
		return l.catalog.db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	})
	if err != nil {
		return err
	}
	return l.catalog.migrate(ctx, migrations)
}

// openBackup opens a file of Backup's for reading.
func openBackup(file string) (*catalog, error) {
	f, err := findFile(file, false)
	if err != nil {
		return nil, err
	}
	options := f.options()
	if f.access == writable {
		options = "mode=ro"
	}
	return &catalog{db: f.open(options), file: f}, nil
}

func copyDatabase(ctx context.Context, from, to *sql.DB) error {
	source, err := from.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // back to the pool
	target, err := to.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = target.Close() }() // back to the pool
	return source.Raw(func(s any) error {
		return target.Raw(func(t any) error {
			b, err := t.(*sqlite3.SQLiteConn).Backup("main", s.(*sqlite3.SQLiteConn), "main")
			if err != nil {
				return err
			}
			for {
				done, err := b.Step(-1) // all pages at once: a copy in parts begins again after each writer in between
				if err != nil || done {
					return errors.Join(err, b.Finish())
				}
				select {
				case <-ctx.Done():
					return errors.Join(context.Cause(ctx), b.Finish())
				case <-time.After(10 * time.Millisecond): // a writer has the lock
				}
			}
		})
	})
}

func intact(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check the copy: %s", verdict)
	}
	return nil
}

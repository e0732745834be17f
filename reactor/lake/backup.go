package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/mattn/go-sqlite3"
)

// ErrNotSQLite says that the catalog is a database with tools of its own for this.
var ErrNotSQLite = errors.New("the catalog is PostgreSQL: use pg_dump for a backup of it, and pg_restore while no reactor runs")

// Backup copies the catalog's database, ledger and pins included, into a new file, as it is at one instant. The lake may be in use.
func (l *Lake) Backup(ctx context.Context, file string) error {
	if l.catalog.dialect != sqlcatalog.SQLite {
		return ErrNotSQLite
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("back up the catalog: %w", err)
	}
	defer func() { _ = f.Close() }() // synced below
	to, err := sql.Open("sqlite3", "file:"+file+"?_busy_timeout=10000")
	if err != nil {
		return fmt.Errorf("back up the catalog: %w", err)
	}
	err = copyDatabase(ctx, l.catalog.db, to)
	if err == nil {
		// One file, not one with a log beside it that somebody forgets to copy.
		_, err = to.ExecContext(ctx, "PRAGMA journal_mode = DELETE")
	}
	if err == nil {
		err = intact(ctx, to)
	}
	if err = errors.Join(err, to.Close(), f.Sync()); err != nil {
		return fmt.Errorf("back up the catalog to %s: %w", file, err)
	}
	return nil
}

// RestoreFrom makes the catalog's database what a file of Backup's holds. It writes through SQLite, in one transaction, and
// does not put another file in the place of the database: whoever has it open sees the change, or fails, and does not
// write on into a file that is gone.
func (l *Lake) RestoreFrom(ctx context.Context, file string) error {
	if l.catalog.dialect != sqlcatalog.SQLite {
		return ErrNotSQLite
	}
	from, err := sql.Open("sqlite3", "file:"+file+"?mode=ro&_busy_timeout=10000")
	if err != nil {
		return fmt.Errorf("restore the catalog: %w", err)
	}
	err = intact(ctx, from)
	if err == nil {
		err = copyDatabase(ctx, from, l.catalog.db)
	}
	if err == nil {
		_, err = l.catalog.db.ExecContext(ctx, "PRAGMA journal_mode = WAL") // the copy says how its source kept its log
	}
	if err = errors.Join(err, from.Close()); err != nil {
		return fmt.Errorf("restore the catalog from %s: %w", file, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.loaded)
	return nil
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
				done, err := b.Step(-1) // all of it at once: in parts, every writer in between makes it begin again
				if err != nil || done {
					return errors.Join(err, b.Finish())
				}
				select {
				case <-ctx.Done():
					return errors.Join(context.Cause(ctx), b.Finish())
				case <-time.After(10 * time.Millisecond): // locked by a writer
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

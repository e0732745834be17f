package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mattn/go-sqlite3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// CatalogName is the name under which Spark and PyIceberg must open the catalog: it is a column of the pointer table.
const CatalogName = "lakehouse"

// catalog is the database that holds the pointers of the tables (Iceberg's JDBC schema, V1), the ledger and the pins.
type catalog struct {
	db   *bun.DB
	file *databaseFile // of SQLite, nil for a server
}

// openCatalog opens sqlite:///absolute/path or postgres://…, and makes or migrates its tables if need be.
func openCatalog(ctx context.Context, address string) (*catalog, error) {
	c, err := connect(address)
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	return c.ready(ctx)
}

// openExisting is openCatalog where the catalog's tables must be there, of whatever version.
func openExisting(ctx context.Context, address string) (*catalog, error) {
	c, err := connect(address)
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	there := false
	if c.file == nil || c.file.opened != nil { // SQLite would make the file to look into it
		there, err = c.hasTable(ctx, "iceberg_tables")
	}
	if err == nil && !there {
		err = fmt.Errorf("%w at %s: a start of the reactor makes one, and rebuilds the tables from bronze", ErrNoCatalog, redact(address))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog: %w", err), c.db.Close())
	}
	return c.ready(ctx)
}

// ready migrates the tables of a catalog that was just connected. It closes the catalog if that fails.
func (c *catalog) ready(ctx context.Context) (*catalog, error) {
	err := c.migrate(ctx, migrations)
	if err == nil && c.file != nil {
		err = c.file.remember()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog: %w", err), c.db.Close())
	}
	return c, nil
}

// connect finds the database at address. It neither reads nor writes yet.
func connect(address string) (*catalog, error) {
	switch {
	case strings.HasPrefix(address, "sqlite:///"):
		file, err := findFile(sqliteFile(address), readingOnly(address))
		if err != nil {
			return nil, err
		}
		return &catalog{db: file.open(file.options()), file: file}, nil
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		config, err := pgx.ParseConfig(address)
		if err != nil {
			return nil, err
		}
		// bun writes values into the statement's text. The simple protocol sends that in one round trip, where the default would
		// first prepare each text, none of which comes again. A backslash in a text must be nothing but a backslash.
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		config.RuntimeParams["standard_conforming_strings"] = "on"
		config.RuntimeParams["idle_in_transaction_session_timeout"] = idleInTransaction
		return &catalog{db: bun.NewDB(stdlib.OpenDB(*config), pgdialect.New())}, nil
	}
	return nil, fmt.Errorf("catalog address must be sqlite:///absolute/path/catalog.db or postgres://…, not %q", redact(address))
}

// idleInTransaction is the time after which PostgreSQL ends a transaction whose program does nothing. A reactor that hangs in the middle
// of a commit, or whose machine is gone, would hold the rows of its pointers until it wakes: by default for ever. It is the time that
// the broker waits for a sign of life before another reactor gets the events.
const idleInTransaction = "10s"

// sqliteFile is the file of an address. Four slashes (as SQLAlchemy writes it) or three: both name the same absolute path; and
// so does sqlite:///file:/absolute/path?mode=ro&uri=true, the form for those who only read.
func sqliteFile(address string) string {
	file := strings.TrimPrefix(address, "sqlite://")
	if uri, ok := strings.CutPrefix(file, "/file:"); ok {
		uri, _, _ = strings.Cut(uri, "?")
		if unescaped, err := url.PathUnescape(uri); err == nil {
			uri = unescaped
		}
		file = uri
	}
	return path.Clean(file)
}

// readingOnly tells whether an address is for reading alone, whatever the file's mode would allow.
func readingOnly(address string) bool {
	_, options, _ := strings.Cut(address, "?")
	query, err := url.ParseQuery(options)
	return err == nil && strings.HasPrefix(address, "sqlite:///file:") && query.Get("mode") == "ro"
}

// redact keeps a password out of an error.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}

// Tx is the database transaction in which a commit moves its pointers. What has to become true together with them is written in
// it.
type Tx struct {
	tx     bun.Tx
	branch *branch // the commit's, nil for main
}

// affected is the number of rows that a statement wrote.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// write runs f in a transaction. The first statement of f must write: in SQLite a transaction that reads first can lose its turn
// to another writer for good (SQLITE_BUSY_SNAPSHOT).
func (c *catalog) write(ctx context.Context, f func(*Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return classify(fmt.Errorf("begin catalog transaction: %w", err))
	}
	note := noteOf(ctx)
	err = f(&Tx{tx: tx})
	if err == nil {
		err = note.write(ctx, tx)
	}
	if err != nil {
		return errors.Join(classify(err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return &UnknownError{err}
	}
	note.written()
	return nil
}

// read runs f in a transaction in which all statements see the catalog at one instant. (PostgreSQL's default would show each
// statement another one.)
func (c *catalog) read(ctx context.Context, f func(bun.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // read only: nothing to lose
	if err := f(tx); err != nil {
		return err
	}
	return c.file.unchanged()
}

var (
	// ErrConflict says that somebody else committed first. Nothing was changed; read again and work out the commit anew.
	ErrConflict = errors.New("another commit came first")
	// ErrReadOnly says that whoever runs this program may read the catalog and not write it.
	ErrReadOnly = errors.New("the catalog cannot be written here")
)

// SQLSTATE of PostgreSQL.
const (
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	uniqueViolation       = "23505" // two made one thing at once
	readOnlyTransaction   = "25006"
	insufficientPrivilege = "42501"
)

// sqlState is the code of an error of PostgreSQL, "" for others.
func sqlState(err error) string {
	var of interface{ SQLState() string }
	if errors.As(err, &of) {
		return of.SQLState()
	}
	return ""
}

// classify says what an error of the database means to who writes. A database that stayed locked, or a transaction that the
// database chose to end, is a conflict: nothing was written, and the same work can be tried again.
func classify(err error) error {
	var lite sqlite3.Error
	errors.As(err, &lite)
	state := sqlState(err)
	switch {
	case lite.Code == sqlite3.ErrBusy, lite.Code == sqlite3.ErrLocked, state == serializationFailure, state == deadlockDetected, state == uniqueViolation:
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case lite.Code == sqlite3.ErrReadonly, state == readOnlyTransaction, state == insufficientPrivilege:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}

// UnknownError says that the database did not answer to a commit: it may have happened. The ledger tells, after the event is
// delivered again.
type UnknownError struct{ err error }

func (e *UnknownError) Error() string { return "commit of unknown outcome: " + e.err.Error() }
func (e *UnknownError) Unwrap() error { return e.err }

package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/mattn/go-sqlite3"
)

// CatalogName is the name under which Spark and PyIceberg must open the catalog: it is a column of the pointer table.
const CatalogName = "lakehouse"

// catalog is the database that holds the pointers of the tables (Iceberg's JDBC schema, V1), the ledger and the pins.
type catalog struct {
	db      *sql.DB
	dialect sqlcatalog.SupportedDialect
	file    string      // of SQLite, "" for a server
	opened  os.FileInfo // of file
}

// openCatalog opens sqlite:///absolute/path or postgres://…, and makes what is missing in it.
func openCatalog(ctx context.Context, address string) (*catalog, error) {
	driver, dsn, dialect, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	c := &catalog{db: db, dialect: dialect}
	// The library makes the two tables of the JDBC catalog, so that their layout is the one other engines know.
	if _, err := sqlcatalog.NewCatalog(CatalogName, db, dialect, iceberg.Properties{}); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog: %w", err), db.Close())
	}
	for _, statement := range strings.Split(ownTables+";"+branchTables, ";") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("make the ledger in the catalog: %w", err), db.Close())
		}
	}
	if dialect == sqlcatalog.SQLite {
		c.file = sqliteFile(address)
		if c.opened, err = os.Stat(c.file); err != nil {
			return nil, errors.Join(fmt.Errorf("open catalog: %w", err), db.Close())
		}
	}
	return c, nil
}

func parseAddress(address string) (driver, dsn string, dialect sqlcatalog.SupportedDialect, err error) {
	switch {
	case strings.HasPrefix(address, "sqlite:///"):
		// WAL lets readers go on beside the writer; synchronous=FULL makes a commit survive power loss.
		return "sqlite3", "file:" + (&url.URL{Path: sqliteFile(address)}).EscapedPath() + "?_journal_mode=WAL&_busy_timeout=10000&_synchronous=FULL", sqlcatalog.SQLite, nil
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		return "pgx", address, sqlcatalog.Postgres, nil
	}
	return "", "", "", fmt.Errorf("catalog address must be sqlite:///absolute/path/catalog.db or postgres://…, not %q", redact(address))
}

// sqliteFile is the file of an address. Four slashes (as SQLAlchemy writes it) or three: both name the same absolute path.
func sqliteFile(address string) string { return path.Clean(strings.TrimPrefix(address, "sqlite://")) }

// redact keeps a password out of an error.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}

// bind writes the placeholders of a statement as the dialect wants them.
func (c *catalog) bind(statement string) string {
	if c.dialect != sqlcatalog.Postgres {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, r := range statement {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Tx is the database transaction in which a commit moves its pointers; whatever is to be true together with them is
// written in it.
type Tx struct {
	tx      *sql.Tx
	catalog *catalog
	branch  *branch // that the commit is of, nil for main
}

func (t *Tx) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, t.catalog.bind(statement), args...)
	if err != nil {
		return 0, conflictIfBusy(err)
	}
	return res.RowsAffected()
}

// ErrConflict says that somebody else committed first. Nothing was changed; read again and work out the commit anew.
var ErrConflict = errors.New("another commit came first")

// conflictIfBusy makes a database that stayed locked, or a transaction that the database chose to end, a conflict:
// nothing was written, and the same work can be tried again.
func conflictIfBusy(err error) error {
	var lite sqlite3.Error
	if errors.As(err, &lite) && (lite.Code == sqlite3.ErrBusy || lite.Code == sqlite3.ErrLocked) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) && (state.SQLState() == "40001" || state.SQLState() == "40P01") {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// write runs f in a transaction. The first statement of f must be one that writes: in SQLite a transaction that reads
// first can lose its turn to another writer for good (SQLITE_BUSY_SNAPSHOT).
func (c *catalog) write(ctx context.Context, f func(*Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return conflictIfBusy(fmt.Errorf("begin catalog transaction: %w", err))
	}
	if err := f(&Tx{tx: tx, catalog: c}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return &UnknownError{err}
	}
	return nil
}

// UnknownError says that the database did not answer to a commit: it may have happened. The ledger tells, after the
// event is delivered again.
type UnknownError struct{ err error }

func (e *UnknownError) Error() string { return "commit of unknown outcome: " + e.err.Error() }
func (e *UnknownError) Unwrap() error { return e.err }

// pointer is a row of the catalog: where a table's current metadata lies.
type pointer struct{ Name, Location string }

// pointers reads those of all tables, and runs also inside the same read transaction.
func (c *catalog) pointers(ctx context.Context, also func(*sql.Tx) error) ([]pointer, error) {
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // read only: nothing to lose
	rows, err := tx.QueryContext(ctx, c.bind(`SELECT table_namespace, table_name, metadata_location FROM iceberg_tables
		WHERE catalog_name = ? AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL) ORDER BY 1, 2`), CatalogName)
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	var ps []pointer
	for rows.Next() {
		var ns, name, loc string
		if err := rows.Scan(&ns, &name, &loc); err != nil {
			return nil, errors.Join(fmt.Errorf("read catalog: %w", err), rows.Close())
		}
		ps = append(ps, pointer{ns + "." + name, loc})
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	if also == nil {
		return ps, nil
	}
	return ps, also(tx)
}

// move is the compare-and-swap of one pointer.
func (t *Tx) move(ctx context.Context, name, from, to string) error {
	ns, table, err := cutName(name)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`, to, from, CatalogName, ns, table, from)
	if err != nil {
		return fmt.Errorf("move pointer of %s: %w", name, err)
	}
	if n == 0 {
		return fmt.Errorf("move pointer of %s: %w", name, ErrConflict)
	}
	return nil
}

// create registers a new table, and its namespace.
func (t *Tx) create(ctx context.Context, name, location string) error {
	ns, table, err := cutName(name)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
		VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING`, CatalogName, ns); err != nil {
		return fmt.Errorf("make namespace %s: %w", ns, err)
	}
	n, err := t.exec(ctx, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, iceberg_type, metadata_location)
		VALUES (?, ?, ?, 'TABLE', ?) ON CONFLICT DO NOTHING`, CatalogName, ns, table, location)
	if err != nil {
		return fmt.Errorf("make table %s: %w", name, err)
	}
	if n == 0 {
		return fmt.Errorf("make table %s: %w", name, ErrConflict)
	}
	return nil
}

func cutName(name string) (namespace, table string, err error) {
	namespace, table, ok := strings.Cut(name, ".")
	if !ok || namespace == "" || table == "" {
		return "", "", fmt.Errorf("%q is no table name: it must be namespace.table", name)
	}
	return namespace, table, nil
}

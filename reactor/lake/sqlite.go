package lake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/mattn/go-sqlite3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"golang.org/x/sys/unix"
)

// databaseFile is the SQLite file of a catalog.
type databaseFile struct {
	path   string
	access access
	opened os.FileInfo // as the file was when it was opened
}

// access is what this process may do with a file, and what others do with it.
type access int

const (
	writable access = iota
	readOnly        // another process has the file open, or had it and did not close it: its log is read too
	frozen          // nobody has the file open
)

// ErrNoCatalog says that a catalog does not exist, and cannot or must not be made.
var ErrNoCatalog = errors.New("there is no catalog")

// findFile looks at the file of a catalog, which need not exist yet. only is for a reader who wants no right to write.
func findFile(path string, only bool) (*databaseFile, error) {
	f := &databaseFile{path: path}
	var err error
	folder := may(filepath.Dir(path)) && !only
	switch f.opened, err = os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist) && !folder:
		return nil, fmt.Errorf("%w %s, and its folder is missing or cannot be written", ErrNoCatalog, path)
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, err
	case !only && may(path) && (folder || may(path+"-wal")):
	case f.hasLog():
		f.access = readOnly
	default:
		f.access = frozen
	}
	return f, nil
}

// may tells whether this process may write a file or into a folder. It asks instead of opening the file: to close a file that
// SQLite has open elsewhere in the process would take away SQLite's locks.
func may(path string) bool { return unix.Access(path, unix.W_OK) == nil }

// hasLog tells whether the file's write-ahead log is there, as it is while a process has the file open.
func (f *databaseFile) hasLog() bool {
	_, err := os.Stat(f.path + "-wal")
	return err == nil
}

// lockWait is how long to wait for a lock that another connection holds.
const lockWait = 10 * time.Second

// open opens the file with options of the driver. It neither reads nor writes yet.
func (f *databaseFile) open(options string) *bun.DB {
	address := fmt.Sprintf("file:%s?_busy_timeout=%d&%s", (&url.URL{Path: f.path}).EscapedPath(), lockWait.Milliseconds(), options)
	return bun.NewDB(sql.OpenDB(connector{address}), sqlitedialect.New())
}

// connector makes the connections of a pool. Where several open a new file at once, each turns on the write-ahead log, and SQLite
// refuses all but one of them without the wait that its busy timeout asks for: 17 of 180 such starts failed.
type connector struct{ address string }

func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	return unlocked(ctx, func() (driver.Conn, error) { return c.Driver().Open(c.address) })
}

// unlocked does what fails at once where another connection holds a lock, and does it again until the lock is gone.
func unlocked[T any](ctx context.Context, do func() (T, error)) (T, error) {
	patient := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Millisecond), backoff.WithMaxInterval(50*time.Millisecond), backoff.WithMaxElapsedTime(lockWait))
	return backoff.RetryWithData(func() (T, error) {
		done, err := do()
		if lite := (sqlite3.Error{}); err != nil && (!errors.As(err, &lite) || lite.Code != sqlite3.ErrBusy) {
			err = backoff.Permanent(err)
		}
		return done, err
	}, backoff.WithContext(patient, ctx))
}

// options are those for what this process may do with the file.
func (f *databaseFile) options() string {
	switch f.access {
	case readOnly:
		return "mode=ro&readonly_shm=1" // makes no file, which would be the reader's and in the writer's way
	case frozen:
		return "mode=ro&immutable=1" // without the log's files, which cannot be made here, SQLite opens a file in no other way
	}
	// WAL lets readers go on beside the writer; synchronous=FULL makes a commit survive power loss.
	return "_journal_mode=WAL&_synchronous=FULL"
}

// remember notes which file was opened, if opening it made it.
func (f *databaseFile) remember() (err error) {
	if f.opened == nil {
		f.opened, err = os.Stat(f.path)
	}
	return err
}

// unchanged fails when somebody began to write a file that was opened as frozen: SQLite does not lock such a file, and what was
// read of it may be half old and half new.
func (f *databaseFile) unchanged() error {
	if f == nil || f.access != frozen {
		return nil
	}
	now, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	if f.hasLog() || now.Size() != f.opened.Size() || !now.ModTime().Equal(f.opened.ModTime()) {
		return fmt.Errorf("the catalog %s is being written since it was opened for reading: run the command again", f.path)
	}
	return nil
}

package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

// SetAside moves a catalog that SQLite cannot read out of the way, so that a new one can be made and the lake be rebuilt. A crashed
// disk leaves such a file, and a copy of half a database. SetAside returns where the file is then, or "" if it can be read.
func SetAside(ctx context.Context, address string, now time.Time) (kept string, err error) {
	if !strings.HasPrefix(address, "sqlite:") {
		return "", nil
	}
	file := sqliteFile(address)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	broken, err := unreadable(ctx, address)
	if err != nil || !broken {
		return "", err
	}
	kept = file + ".broken-" + now.UTC().Format("20060102T150405Z")
	if err := os.Rename(file, kept); err != nil {
		return "", fmt.Errorf("move the broken catalog aside: %w", err)
	}
	for _, ending := range []string{"-wal", "-shm"} {
		if err := os.Rename(file+ending, kept+ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("move the broken catalog's %s aside: %w", ending, err)
		}
	}
	return kept, nil
}

// unreadable lets SQLite check the whole file.
func unreadable(ctx context.Context, address string) (bool, error) {
	c, err := connect(address)
	if err != nil {
		return false, fmt.Errorf("open catalog: %w", err)
	}
	defer func() { _ = c.db.Close() }() // nothing was written
	var verdict string
	err = c.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
	if err == nil {
		return verdict != "ok", nil
	}
	if Unreadable(err) {
		return true, nil
	}
	return false, fmt.Errorf("check the catalog: %w", err)
}

// Unreadable tells whether an error means that SQLite cannot read the catalog's file.
func Unreadable(err error) bool {
	var lite sqlite3.Error
	return errors.As(err, &lite) && (lite.Code == sqlite3.ErrCorrupt || lite.Code == sqlite3.ErrNotADB)
}

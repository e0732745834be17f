// Package backup copies the catalog of a lake that is in use, with the ledger and the pins, and puts such a copy back: it
// holds the copy against the bucket that is there, and takes out of it what cannot be read any more.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/lake"
)

// The files of a backup.
const (
	catalogFile  = "catalog.db"
	manifestFile = "manifest.json"
)

// Manifest says what a backup holds.
type Manifest struct {
	MadeAt  time.Time        `json:"made_at"`
	Bucket  string           `json:"bucket"`
	SHA256  string           `json:"sha256"` // of the catalog's copy
	Step    int64            `json:"step"`   // of gold
	Ledger  int              `json:"ledger"` // entries
	Objects string           `json:"objects"`
	Tables  map[string]Table `json:"tables"`
}

// Table is what a manifest says of one table.
type Table struct {
	Metadata string `json:"metadata"`
	Snapshot int64  `json:"snapshot"`
	Rows     any    `json:"rows"`
}

// Make copies the catalog of a lake into a new folder, with a manifest beside it.
func Make(ctx context.Context, l *lake.Lake, b bucket.Bucket, dir string) (*Manifest, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("the folder %s is not empty: name a new one", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the backup's folder: %w", err)
	}
	file := filepath.Join(dir, catalogFile)
	if err := l.Backup(ctx, file); err != nil {
		return nil, err
	}
	m, err := describe(ctx, b, file)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestFile), append(text, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return m, nil
}

// describe is the manifest of the copy, not of the lake, which may have moved on.
func describe(ctx context.Context, b bucket.Bucket, file string) (*Manifest, error) {
	sum, err := sumOf(file)
	if err != nil {
		return nil, err
	}
	m := &Manifest{MadeAt: time.Now().UTC(), Bucket: b.Name, SHA256: sum, Tables: map[string]Table{}, Objects: "copy the bucket after this backup"}
	copied, err := openCopy(ctx, b, file)
	if err != nil {
		return nil, err
	}
	defer copied.close()
	view, err := copied.View(ctx)
	if err != nil {
		return nil, err
	}
	m.Step = view.Pins.Step
	for name, t := range view.Tables {
		n, err := copied.Rows(ctx, t, t.Snapshot())
		if err != nil {
			return nil, err
		}
		m.Tables[name] = Table{t.Location, t.SnapshotID(), n}
	}
	return m, copied.Entries(ctx, func(lake.Entry) error { m.Ledger++; return nil })
}

// copiedLake is a lake by a copy of its catalog that may be changed.
type copiedLake struct {
	*lake.Lake
	dir string
}

// openCopy opens a copy of a catalog's file, which stays as it is: to open a database is to write to it.
func openCopy(ctx context.Context, b bucket.Bucket, file string) (*copiedLake, error) {
	dir, err := os.MkdirTemp("", "millrace-catalog-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the catalog's copy: %w", err)
	}
	c := &copiedLake{dir: dir}
	copied := filepath.Join(dir, catalogFile)
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(copied, text, 0o600)
	}
	if err == nil {
		c.Lake, err = lake.Open(ctx, b.Client, b.Name, "sqlite:///"+copied)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the catalog of the backup: %w", err), os.RemoveAll(dir))
	}
	return c, nil
}

func (c *copiedLake) close() {
	_ = c.Close() // a copy
	_ = os.RemoveAll(c.dir)
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read the backup: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the backup: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Read reads and checks the manifest of a backup. A backup of another bucket than b is refused.
func Read(dir string, b bucket.Bucket) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read the backup's %s: %w", manifestFile, err)
	}
	sum, err := sumOf(filepath.Join(dir, catalogFile))
	if err != nil {
		return nil, err
	}
	if sum != m.SHA256 {
		return nil, fmt.Errorf("the backup's %s is not the file that its manifest describes: it was changed or cut short", catalogFile)
	}
	if m.Bucket != b.Name {
		return nil, fmt.Errorf("the backup is of the bucket %s, and this is %s (MILLRACE_BUCKET)", m.Bucket, b.Name)
	}
	return m, nil
}

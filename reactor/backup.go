package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/reactor/lake"
)

// The files of a backup.
const (
	backupCatalog  = "catalog.db"
	backupManifest = "manifest.json"
)

// manifest says what a backup holds.
type manifest struct {
	MadeAt  time.Time                `json:"made_at"`
	Bucket  string                   `json:"bucket"`
	SHA256  string                   `json:"sha256"` // of the catalog's copy
	Step    int64                    `json:"step"`   // of gold
	Ledger  int                      `json:"ledger"` // entries
	Objects string                   `json:"objects"`
	Tables  map[string]manifestTable `json:"tables"`
}

type manifestTable struct {
	Metadata string `json:"metadata"`
	Snapshot int64  `json:"snapshot"`
	Rows     any    `json:"rows"`
}

type backupCmd struct {
	lakeFlags
	Dir string `arg:"" type:"path" help:"New folder for the backup."`
}

func (*backupCmd) Help() string {
	return `Copies the catalog (pointers, ledger, pins) as it is at one instant, while the lake is in use, and writes a manifest beside it. The
objects are not copied: mirror the bucket with a tool for that, bronze/ at least, from which everything else can be made again.

Order: first this backup, then the bucket. What the copied catalog names is then in the copied bucket, but for files that expired in
between; restore finds that out. The other way round, the catalog may name what the bucket's copy does not have.

Example:

  reactor backup backups/2026-01-31`
}

func (c *backupCmd) Run(ctx context.Context, out *cli.Output) error {
	if _, err := c.sqliteFile(); err != nil {
		return err
	}
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		if entries, err := os.ReadDir(c.Dir); err == nil && len(entries) > 0 {
			return fmt.Errorf("the folder %s is not empty: name a new one", c.Dir)
		}
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return fmt.Errorf("make the backup's folder: %w", err)
		}
		file := filepath.Join(c.Dir, backupCatalog)
		if err := l.Backup(ctx, file); err != nil {
			return err
		}
		m, err := c.manifest(ctx, file)
		if err != nil {
			return err
		}
		text, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return fmt.Errorf("write the manifest: %w", err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, backupManifest), append(text, '\n'), 0o600); err != nil {
			return fmt.Errorf("write the manifest: %w", err)
		}
		slog.Info("the catalog is backed up; now copy the bucket", "bucket", c.Bucket)
		return out.Table([]string{"backup", "made_at", "tables", "ledger"}, [][]any{{c.Dir, m.MadeAt, len(m.Tables), m.Ledger}})
	})
}

// manifest describes the copy, not the lake, which may have moved on.
func (c *backupCmd) manifest(ctx context.Context, file string) (*manifest, error) {
	sum, err := sumOf(file)
	if err != nil {
		return nil, err
	}
	m := &manifest{MadeAt: time.Now().UTC(), Bucket: c.Bucket, SHA256: sum, Tables: map[string]manifestTable{}, Objects: "copy the bucket after this backup"}
	copied, err := openCopy(ctx, &c.lakeFlags, file)
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
		m.Tables[name] = manifestTable{t.Location, t.SnapshotID(), total(t.Snapshot(), "total-records")}
	}
	return m, copied.Entries(ctx, func(lake.Entry) error { m.Ledger++; return nil })
}

// copiedLake is a lake by a copy of its catalog that may be changed.
type copiedLake struct {
	*lake.Lake
	file, dir string
}

// openCopy opens a copy of a catalog's file, which stays as it is: to open a database is to write to it.
func openCopy(ctx context.Context, f *lakeFlags, file string) (*copiedLake, error) {
	client, err := f.Client()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "millrace-catalog-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the catalog's copy: %w", err)
	}
	c := &copiedLake{dir: dir, file: filepath.Join(dir, backupCatalog)}
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(c.file, text, 0o600)
	}
	if err == nil {
		c.Lake, err = lake.Open(ctx, client, f.Bucket, "sqlite:///"+c.file)
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

// readManifest reads and checks a backup.
func readManifest(dir string) (*manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, backupManifest))
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	m := &manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read the backup's %s: %w", backupManifest, err)
	}
	sum, err := sumOf(filepath.Join(dir, backupCatalog))
	if err != nil {
		return nil, err
	}
	if sum != m.SHA256 {
		return nil, fmt.Errorf("the backup's %s is not the file that its manifest describes: it was changed or cut short", backupCatalog)
	}
	return m, nil
}

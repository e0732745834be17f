package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/stream"
)

type restoreCmd struct {
	lakeFlags
	settings.NATS
	Dir        string `arg:"" type:"existingdir" help:"Folder that reactor backup made."`
	Offline    bool   `help:"NATS does not run, so nobody can be asked whether a reactor does: you know that none does."`
	AcceptLoss bool   `name:"accept-loss" help:"Make tables anew from bronze although bronze lacks objects that they were made of."`
}

func (*restoreCmd) Help() string {
	return `Puts a backup of the catalog in the place of the catalog, which is kept beside it as catalog.db.before-restore-<time>. Restore the
bucket first, if it has to be. No reactor may run (stack up --no-reactor): restore asks NATS whether one is waiting for events.

The bucket need not be of the same time as the backup; what is found is healed:
  behind    the bucket has later commits than the catalog: the table goes on from the backup's, and the reactor's start brings the
            objects that came since
  rebuild   what the catalog names is not there any more, or not yet: the reactor's start makes all tables anew from bronze
and refused is a rebuild for which bronze lacks objects that the table was made of (see --accept-loss).

Example:

  reactor restore backups/2026-01-31`
}

func (c *restoreCmd) Run(ctx context.Context, out *cli.Output) error {
	if _, err := c.sqliteFile(); err != nil {
		return err
	}
	m, err := readManifest(c.Dir)
	if err != nil {
		return err
	}
	if m.Bucket != c.Bucket {
		return fmt.Errorf("the backup is of the bucket %s, and this is %s (MILLRACE_BUCKET)", m.Bucket, c.Bucket)
	}
	return c.withLake(ctx, func(l *lake.Lake, client *minio.Client) error {
		if err := c.alone(ctx); err != nil {
			return err
		}
		copied, err := openCopy(ctx, &c.lakeFlags, filepath.Join(c.Dir, backupCatalog))
		if err != nil {
			return err
		}
		defer copied.close()
		rows, err := c.heal(ctx, copied.Lake, client, out)
		if err != nil {
			return err
		}
		healed := filepath.Join(copied.dir, "healed.db")
		if err := copied.Backup(ctx, healed); err != nil {
			return err
		}
		former, err := c.keepFormer(ctx, l)
		if err != nil {
			return err
		}
		if err := l.RestoreFrom(ctx, healed); err != nil {
			return err
		}
		slog.Info("the catalog is restored; start the reactor, then `reactor reconcile` for the objects of the last minutes, and `reactor check`", "made_at", m.MadeAt, "former", former)
		return out.Table([]string{"table", "state", "snapshot", "detail"}, rows)
	})
}

// alone makes sure that no reactor is at work: each waits for events of the router's consumer.
func (c *restoreCmd) alone(ctx context.Context) error {
	if c.Offline {
		return nil
	}
	js, closeNATS, err := jetStream(ctx, c.NATS)
	if err != nil {
		return fmt.Errorf("whether a reactor runs only NATS can tell (--offline when it does not run): %w", err)
	}
	defer closeNATS()
	// One that has just gone may be waiting in the server's books for a moment.
	for deadline := time.Now().Add(5 * time.Second); ; {
		raw, err := js.Stream(ctx, stream.Raw)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("ask NATS whether a reactor runs: %w", err)
		}
		consumer, err := raw.Consumer(ctx, "router")
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("ask NATS whether a reactor runs: %w", err)
		}
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("ask NATS whether a reactor runs: %w", err)
		}
		if info.NumWaiting == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("a reactor is running: stop it first (Ctrl-C, or `stack up --no-reactor`)")
		}
		if err := sleep(ctx); err != nil {
			return err
		}
	}
}

// sqliteFile is the file of the catalog; PostgreSQL has tools of its own.
func (f *lakeFlags) sqliteFile() (string, error) {
	address, err := f.URI(f.Home)
	if err != nil {
		return "", err
	}
	path, ok := settings.SQLitePath(address)
	if !ok {
		return "", lake.ErrNotSQLite
	}
	return filepath.Clean("/" + path), nil
}

// keepFormer copies the catalog that is about to be replaced.
func (c *restoreCmd) keepFormer(ctx context.Context, l *lake.Lake) (string, error) {
	file, err := c.sqliteFile()
	if err != nil {
		return "", err
	}
	former := file + ".before-restore-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := l.Backup(ctx, former); err != nil {
		return "", errors.Join(err, os.Remove(former))
	}
	return former, nil
}

// heal holds the backup's catalog against the bucket, and takes out of it what cannot be read.
func (c *restoreCmd) heal(ctx context.Context, l *lake.Lake, client *minio.Client, out *cli.Output) ([][]any, error) {
	keys, err := tableKeys(ctx, client, c.Bucket, out)
	if err != nil {
		return nil, err
	}
	conditions, err := l.Conditions(ctx, func(key string) bool { _, found := slices.BinarySearch(keys, key); return found }, keys)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	var damaged, pins, behind []string
	all := false
	for _, t := range conditions {
		state, detail := "ok", any(nil)
		switch {
		case t.Damage != nil:
			state, detail = "rebuild", t.Damage.Error()
			damaged = append(damaged, t.Table)
			all = all || t.Table == "silver."+silver.RejectedTable // the refused rows of every object
		case t.Newer > 0:
			behind = append(behind, t.Table)
			state, detail = "behind", fmt.Sprintf("the bucket has %d later metadata files", t.Newer)
		}
		if t.Pinned != nil {
			pins = append(pins, t.Table)
			detail = "gold is computed anew from it: " + t.Pinned.Error()
		}
		var snapshot any
		if t.Damage == nil {
			snapshot = t.Snapshot
		}
		rows = append(rows, []any{t.Table, state, snapshot, detail})
	}
	if err := c.lost(ctx, l, client, damaged, all); err != nil {
		return nil, err
	}
	if len(damaged)+len(pins) > 0 {
		if err := l.Forget(ctx, damaged, pins, all); err != nil {
			return nil, err
		}
	}
	for _, name := range behind {
		if err := l.Raise(ctx, name); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// lost refuses to make tables anew from a bronze that lacks what they were made of.
func (c *restoreCmd) lost(ctx context.Context, l *lake.Lake, client *minio.Client, damaged []string, all bool) error {
	if !slices.ContainsFunc(damaged, func(name string) bool { return strings.HasPrefix(name, "silver.") }) {
		return nil
	}
	there := map[string]bool{}
	for o, err := range reconcile.Objects(ctx, client, c.Bucket, "") {
		if err != nil {
			return err
		}
		there[string(o.ID())] = true
	}
	n, first := 0, ""
	if err := l.Entries(ctx, func(e lake.Entry) error {
		if (all || slices.Contains(damaged, "silver."+e.Table)) && e.Outcome == lake.OutcomeDone && !there[e.EventID] {
			if n++; first == "" || e.SourceKey < first {
				first = e.SourceKey
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if n == 0 || c.AcceptLoss {
		return nil
	}
	return fmt.Errorf("nothing is restored: %s cannot be read and would be made anew from bronze, which lacks %d objects that the backup knows, such as %s: restore the bucket to the time of the backup or later, or give --accept-loss",
		strings.Join(damaged, ", "), n, first)
}

// tableKeys are the keys of everything in silver/ and gold/, sorted.
func tableKeys(ctx context.Context, client *minio.Client, bucket string, out *cli.Output) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	bar := out.Progress(-1, "listing")
	defer bar.Done()
	var keys []string
	for _, prefix := range []string{"gold/", "silver/"} {
		for o := range client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if o.Err != nil {
				return nil, fmt.Errorf("list %s/%s: %w", bucket, prefix, o.Err)
			}
			keys = append(keys, o.Key)
			bar.Add(1)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

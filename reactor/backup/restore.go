package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace/reactor/namespace"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/tables"
)

// Restoration puts a backup in the place of a lake's catalog. No reactor may run.
type Restoration struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	// Catalog is the file of the lake's catalog; what it was is kept beside it.
	Catalog string
	// AcceptLoss lets tables be made anew from a bronze that lacks objects that they were made of.
	AcceptLoss bool
	Show       progress.Show
}

// States of a restored table.
const (
	OK      = "ok"
	Behind  = "behind"  // the bucket has later commits than the catalog
	Rebuild = "rebuild" // what the catalog names is not there; the reactor's start makes the table anew
)

// Restored is what became of one table.
type Restored struct {
	Table, State string
	Snapshot     *int64 // nil when the table is made anew
	Detail       string
}

// From restores the backup in a folder. It returns where the former catalog is kept.
func (r Restoration) From(ctx context.Context, dir string) (all []Restored, former string, err error) {
	copied, err := openCopy(ctx, r.Bucket, filepath.Join(dir, catalogFile))
	if err != nil {
		return nil, "", err
	}
	defer copied.close()
	if all, err = r.heal(ctx, copied.Lake); err != nil {
		return nil, "", err
	}
	healed := filepath.Join(copied.dir, "healed.db")
	if err := copied.Backup(ctx, healed); err != nil {
		return nil, "", err
	}
	former = r.Catalog + ".before-restore-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := r.Lake.Backup(ctx, former); err != nil {
		return nil, "", errors.Join(err, os.Remove(former))
	}
	return all, former, r.Lake.RestoreFrom(ctx, healed)
}

// heal holds the backup's catalog against the bucket, and takes out of it what cannot be read.
func (r Restoration) heal(ctx context.Context, l *lake.Lake) ([]Restored, error) {
	keys, err := r.tableKeys(ctx)
	if err != nil {
		return nil, err
	}
	conditions, err := l.Conditions(ctx, func(key string) bool { _, found := slices.BinarySearch(keys, key); return found }, keys)
	if err != nil {
		return nil, err
	}
	var all []Restored
	var damaged, pins, behind []string
	for _, t := range conditions {
		one := restored(t)
		switch one.State {
		case Rebuild:
			damaged = append(damaged, t.Table)
		case Behind:
			behind = append(behind, t.Table)
		}
		if t.Pinned != nil {
			pins = append(pins, t.Table)
		}
		all = append(all, one)
	}
	everything := slices.Contains(damaged, tables.Rejected) // it holds the refused rows of every object
	if err := r.refuseLoss(ctx, l, damaged, everything); err != nil {
		return nil, err
	}
	if len(damaged)+len(pins) > 0 {
		if err := l.Forget(ctx, damaged, pins, everything); err != nil {
			return nil, err
		}
	}
	for _, name := range behind {
		if err := l.Raise(ctx, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// restored says what becomes of a table in its condition.
func restored(t lake.Condition) Restored {
	one := Restored{Table: t.Table, State: OK}
	switch {
	case t.Damage != nil:
		one.State, one.Detail = Rebuild, t.Damage.Error()
	case t.Newer > 0:
		one.State, one.Detail = Behind, fmt.Sprintf("the bucket has %d later metadata files", t.Newer)
	}
	if t.Pinned != nil {
		one.Detail = "gold is computed anew from it: " + t.Pinned.Error()
	}
	if t.Damage == nil {
		one.Snapshot = &t.Snapshot
	}
	return one
}

// refuseLoss refuses to make tables anew from a bronze that lacks what they were made of.
func (r Restoration) refuseLoss(ctx context.Context, l *lake.Lake, damaged []string, everything bool) error {
	if r.AcceptLoss || !slices.ContainsFunc(damaged, namespace.Silver.Has) {
		return nil
	}
	there := map[event.ID]bool{}
	for o, err := range reconcile.Objects(ctx, r.Bucket, "") {
		if err != nil {
			return err
		}
		there[o.ID()] = true
	}
	n, first := 0, ""
	if err := l.Entries(ctx, func(e lake.Entry) error {
		of := everything || slices.Contains(damaged, silver.TableName(e.Table))
		if of && e.Held() && !there[event.ID(e.EventID)] {
			if n++; first == "" || e.SourceKey < first {
				first = e.SourceKey
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("nothing is restored: %s cannot be read and would be made anew from bronze, which lacks %d objects that the backup knows, such as %s: restore the bucket to the time of the backup or later, or give --accept-loss",
		strings.Join(damaged, ", "), n, first)
}

// tableKeys lists the keys of everything in silver/ and gold/, sorted.
func (r Restoration) tableKeys(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing's goroutine
	defer cancel()
	bar := r.Show(-1, "listing")
	defer bar.Done()
	var keys []string
	for _, prefix := range []string{"gold/", "silver/"} {
		for o := range r.Bucket.Client.ListObjectsIter(ctx, r.Bucket.Name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if o.Err != nil {
				return nil, fmt.Errorf("list %s/%s: %w", r.Bucket.Name, prefix, o.Err)
			}
			keys = append(keys, o.Key)
			bar.Add(1)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

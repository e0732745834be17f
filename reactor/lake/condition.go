package lake

import (
	"context"
	"fmt"
	"strings"

	"millrace/reactor/namespace"

	"github.com/apache/iceberg-go/table"
)

// Condition says whether object storage has what a table's pointer names.
type Condition struct {
	Table    string
	Location string // of the metadata that the catalog names
	Snapshot int64  // the current one, 0 for none
	Damage   error  // why the table cannot be read, nil if it can
	Newer    int    // number of metadata files with a later version than the catalog names
	Pinned   error  // why the snapshot that gold was computed from cannot be read, nil if it can
}

// Conditions compares the catalog with object storage, for a catalog and a bucket that may be of different times. exists tells
// whether there is an object, and keys has those of all metadata files.
func (l *Lake) Conditions(ctx context.Context, exists func(key string) bool, keys []string) ([]Condition, error) {
	ps, err := pointers(ctx, l.catalog.db)
	if err != nil {
		return nil, err
	}
	pins, err := l.Pins(ctx)
	if err != nil {
		return nil, err
	}
	var all []Condition
	for _, p := range ps {
		c := Condition{Table: p.Name, Location: p.Location}
		t, err := l.load(ctx, p)
		if err != nil {
			c.Damage = err
			all = append(all, c)
			continue
		}
		c.Snapshot, c.Damage = t.SnapshotID(), l.readable(ctx, t, t.Snapshot(), exists)
		if pin, ok := pins.Tables[p.Name]; ok && pin.SnapshotID != t.SnapshotID() && c.Damage == nil {
			s, err := t.SnapshotByID(pin.SnapshotID)
			if err == nil {
				err = l.readable(ctx, t, s, exists)
			}
			c.Pinned = err
		}
		c.Newer = newer(p.Location, keys)
		all = append(all, c)
	}
	return all, nil
}

// Raise writes the metadata that the catalog names once more, with a version above all there are. The table goes on from there,
// and later commits that the catalog does not know are orphans. Without that, Recover would take the catalog for an old one.
func (l *Lake) Raise(ctx context.Context, name string) error {
	view, err := l.View(ctx)
	if err != nil {
		return err
	}
	t, err := view.Table(name)
	if err != nil {
		return err
	}
	highest, err := l.highestVersion(ctx, name)
	if err != nil {
		return err
	}
	location, err := l.putMetadata(ctx, t.Meta, highest+1)
	if err != nil {
		return fmt.Errorf("raise %s: %w", name, err)
	}
	return l.catalog.write(ctx, func(tx *Tx) error { return tx.move(ctx, name, t.Location, location) })
}

// newer counts the metadata files beside location that have a higher version.
func newer(location string, keys []string) int {
	_, key, err := split(location)
	if err != nil {
		return 0
	}
	version, err := MetadataVersion(location)
	if err != nil {
		return 0
	}
	folder := key[:strings.LastIndex(key, "/")+1]
	n := 0
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k, folder); ok && strings.HasSuffix(rest, ".metadata.json") {
			if v, err := MetadataVersion(k); err == nil && v > version {
				n++
			}
		}
	}
	return n
}

// readable fails if a data file of a snapshot is not there.
func (l *Lake) readable(ctx context.Context, t *Table, s *table.Snapshot, exists func(string) bool) error {
	files, err := l.Files(ctx, t, s, AllMonths)
	if err != nil {
		return err
	}
	for _, f := range files {
		_, key, err := split(f.Path())
		if err != nil {
			return err
		}
		if !exists(key) {
			return fmt.Errorf("the data file %s is not there", f.Path())
		}
	}
	return nil
}

// Forget takes tables out of the catalog, and with a silver table what the ledger says of its events. The next start makes the
// tables anew, and the reconciler brings silver's rows from bronze. pins names tables that stay but whose pins go, so that gold is
// computed from them as if it never had been.
func (l *Lake) Forget(ctx context.Context, names, pins []string, wholeLedger bool) error {
	return l.catalog.write(ctx, func(tx *Tx) error {
		for _, name := range names {
			if err := tx.unregister(ctx, name); err != nil {
				return err
			}
			if own, ok := namespace.Silver.Cut(name); ok {
				if _, err := tx.tx.NewDelete().Model((*ledgerRow)(nil)).Where("table_name = ?", own).Exec(ctx); err != nil {
					return fmt.Errorf("forget the events of %s: %w", name, err)
				}
			}
		}
		for _, name := range append(pins, names...) {
			if _, err := tx.tx.NewDelete().Model((*pinRow)(nil)).Where("table_name = ?", name).Exec(ctx); err != nil {
				return fmt.Errorf("forget the pins of %s: %w", name, err)
			}
		}
		if !wholeLedger {
			return nil
		}
		return tx.empty(ctx, "millrace_ledger")
	})
}

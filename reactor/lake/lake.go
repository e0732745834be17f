// Package lake keeps Iceberg tables in object storage, and their pointers, the ledger of events and gold's pins in an SQL catalog.
// A commit changes several tables and the ledger in one database transaction, all or nothing, whatever fails when; a commit that
// another one overtook changes nothing and returns ErrConflict. A view is of one instant. What the rows mean is for others to know.
package lake

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/minio/minio-go/v7"
	"github.com/uptrace/bun"
)

// Lake is an open lakehouse. It is safe for concurrent use.
type Lake struct {
	root    string // s3://bucket
	store   *Store
	catalog *catalog
	plans   *plans
	branch  *branch // nil for main

	mu     sync.Mutex
	loaded map[string]*Table // by name; a metadata file never changes, so an equal location means equal metadata
	passed map[string]string // by name: the location of a foreign table's metadata that could not be read
}

// Open opens the lake of a bucket with the catalog at address: sqlite:///absolute/path or postgres://…. It makes or migrates the
// catalog's tables if need be. Where they are current it only reads, so that the right to read is enough.
func Open(ctx context.Context, client *minio.Client, bucket, address string) (*Lake, error) {
	return open(client, bucket, func() (*catalog, error) { return openCatalog(ctx, address) })
}

// OpenExisting is Open for those who work on a lake that is there. It makes no catalog: where none is, it returns ErrNoCatalog.
func OpenExisting(ctx context.Context, client *minio.Client, bucket, address string) (*Lake, error) {
	return open(client, bucket, func() (*catalog, error) { return openExisting(ctx, address) })
}

func open(client *minio.Client, bucket string, connect func() (*catalog, error)) (*Lake, error) {
	c, err := connect()
	if err != nil {
		return nil, err
	}
	store := NewStore(client)
	return &Lake{root: "s3://" + bucket, store: store, catalog: c, plans: newPlans(), loaded: map[string]*Table{}, passed: map[string]string{}}, nil
}

// Close closes the catalog.
func (l *Lake) Close() error { return l.catalog.db.Close() }

// View is the lake at one instant: all tables and the pins.
type View struct {
	Tables map[string]*Table // by name
	Pins   Pins
}

// Table finds a table by name.
func (v *View) Table(name string) (*Table, error) {
	t, ok := v.Tables[name]
	if !ok {
		return nil, fmt.Errorf("there is no table %s: `reactor tables` lists those there are", name)
	}
	return t, nil
}

// View reads the lake as it is now.
func (l *Lake) View(ctx context.Context) (*View, error) { return l.view(ctx, true) }

// OwnView is View without the tables of other namespaces. The reactor works with it: what another engine commits to a table of its
// own costs a step of gold nothing.
func (l *Lake) OwnView(ctx context.Context) (*View, error) { return l.view(ctx, false) }

func (l *Lake) view(ctx context.Context, foreign bool) (*View, error) {
	v := &View{Tables: map[string]*Table{}}
	var all []pointer
	err := l.catalog.read(ctx, func(tx bun.Tx) (err error) {
		if all, err = pointers(ctx, tx); err == nil {
			v.Pins, err = pins(ctx, tx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.foreign() && !foreign {
			continue
		}
		t, err := l.load(ctx, p)
		if err != nil && p.foreign() {
			l.passOver(p, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if v.Tables[p.Name], err = l.show(t); err != nil {
			return nil, err
		}
	}
	if l.branch != nil {
		v.Pins = l.branch.currentPins()
	}
	return v, nil
}

// load reads the metadata that a pointer names. It takes it from memory when it was read before.
func (l *Lake) load(ctx context.Context, p pointer) (*Table, error) {
	l.mu.Lock()
	t := l.loaded[p.Name]
	l.mu.Unlock()
	if t != nil && t.Location == p.Location {
		return t, nil
	}
	if l.passedOver(p) {
		return nil, errPassedOver
	}
	b, err := l.store.read(ctx, p.Location)
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", p.Name, err)
	}
	l.store.cache.remove(p.Location) // it is parsed once
	m, err := parseMetadata(p.Location, b)
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", p.Name, err)
	}
	t = &Table{Name: p.Name, Location: p.Location, Meta: m, store: l.store}
	l.remember(t)
	return t, nil
}

func (l *Lake) remember(t *Table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded[t.Name] = t
}

// Create makes the tables that are not there yet, and sets properties that a table of an earlier release lacks. A property that
// somebody set stays. (Spark 4 refuses to write a table with a compression level and no codec, as earlier releases made them.)
func (l *Lake) Create(ctx context.Context, definitions ...Definition) error {
	v, err := l.View(ctx)
	if err != nil {
		return err
	}
	for _, d := range definitions {
		if t := v.Tables[d.Name]; t != nil {
			if err := l.complete(ctx, t, d); err != nil {
				return err
			}
			continue
		}
		m, err := newMetadata(l.root, d)
		if err != nil {
			return err
		}
		// The version is above those that an earlier table of the name left. Gold waits for the version that an event names, and
		// Recover compares versions.
		highest, err := l.highestVersion(ctx, d.Name)
		if err != nil {
			return err
		}
		if err := l.create(ctx, d.Name, m, highest+1); err != nil && !errors.Is(err, ErrConflict) { // a conflict: somebody else made it
			return err
		}
	}
	return nil
}

// complete sets the properties that a table lacks. If another commit comes first, the next start sets them.
func (l *Lake) complete(ctx context.Context, t *Table, d Definition) error {
	missing := iceberg.Properties{}
	for k, value := range d.properties() {
		if _, set := t.Meta.Properties()[k]; !set && k != table.PropertyFormatVersion { // that one is a field of the metadata
			missing[k] = value
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err := l.Commit(ctx, []Change{{Base: t, Properties: missing}}, nil)
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("set properties of %s: %w", t.Name, err)
	}
	return nil
}

func (l *Lake) create(ctx context.Context, name string, m table.Metadata, version int) error {
	location, err := l.putMetadata(ctx, m, version)
	if err != nil {
		return fmt.Errorf("make table %s: %w", name, err)
	}
	return l.catalog.write(ctx, func(tx *Tx) error { return tx.create(ctx, name, location) })
}

// putMetadata stores metadata as a version of its table and returns where.
func (l *Lake) putMetadata(ctx context.Context, m table.Metadata, version int) (location string, err error) {
	if location, err = metadataLocation(m, version); err != nil {
		return "", err
	}
	b, err := marshalMetadata(location, m)
	if err != nil {
		return "", err
	}
	return location, l.store.put(ctx, location, b)
}

// Current tells whether gold was computed from the silver that the view shows.
func (v *View) Current() bool {
	for name, pin := range v.Pins.Tables {
		if t := v.Tables[name]; t != nil && t.SnapshotID() != pin.SnapshotID {
			return false
		}
	}
	return true
}

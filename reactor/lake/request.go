package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Request is a change of one table that another engine has worked out. Its data files, manifests and manifest list are stored.
type Request struct {
	Table Identifier
	// Create makes the table, which must not be there.
	Create bool
	// Require fails with a *RequirementError unless the table as it is now fits the change. A table that is made has no such state.
	Require func(table.Metadata) error
	// Updates are the change, in the JSON of Iceberg's REST catalog. They are parsed for each attempt: to apply them changes them.
	Updates json.RawMessage
	// Allow, when not nil, fails if the table must not become what the updates make of it; base is nil for a table that is made.
	Allow func(base, next table.Metadata) error
}

// Apply makes all changes that other engines ask for true at once, or none of them, in one database transaction. Where the
// reactor or another engine committed first, it asks again whether the tables fit the requests. It returns the tables as they are
// then, in the order of the requests.
func (l *Lake) Apply(ctx context.Context, requests ...Request) (all []*Table, err error) {
	err = Retry{}.Do(ctx, func() error {
		all, err = l.applyOnce(ctx, requests)
		return err
	})
	return all, err
}

func (l *Lake) applyOnce(ctx context.Context, requests []Request) ([]*Table, error) {
	bases, err := l.bases(ctx, requests)
	if err != nil {
		return nil, err
	}
	s := newSession(ctx, l.store)
	all := make([]*Table, len(requests))
	var ready []staged
	for i, r := range requests {
		var next *Table
		if next, err = l.stageRequest(s, r, bases[i]); err != nil {
			break
		}
		all[i] = next
		if bases[i] == nil || next.Location != bases[i].Location {
			ready = append(ready, staged{base: bases[i], next: next, seen: next, id: r.Table})
		}
	}
	if err == nil && len(ready) == 0 {
		return all, nil
	}
	_, err = l.finish(ctx, s, ready, err, nil)
	for _, c := range ready {
		l.letGo(c.next)
	}
	return all, err
}

// bases reads the tables that requests change, as they are at one instant; nil is a table that is to be made.
func (l *Lake) bases(ctx context.Context, requests []Request) ([]*Table, error) {
	locations := make([]string, len(requests))
	err := l.catalog.read(ctx, func(tx bun.Tx) error {
		for i, r := range requests {
			location, err := locate(ctx, tx, KindTable, r.Table)
			var missing *MissingError
			switch {
			case errors.As(err, &missing) && r.Create:
				continue
			case err != nil:
				return err
			case r.Create:
				return &RequirementError{"table already exists: " + r.Table.String()}
			}
			locations[i] = location
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	bases := make([]*Table, len(requests))
	for i, r := range requests {
		if locations[i] == "" {
			continue
		}
		if bases[i], err = l.base(ctx, r.Table, locations[i]); err != nil {
			return nil, err
		}
	}
	return bases, nil
}

// base reads a table that is to be changed. Those of millrace itself are in memory as a rule.
func (l *Lake) base(ctx context.Context, id Identifier, location string) (*Table, error) {
	if id.Owned() {
		return l.load(ctx, pointer{id.String(), location})
	}
	b, err := l.Metadata(ctx, location)
	if err != nil {
		return nil, err
	}
	m, err := table.ParseMetadataBytes(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", location, err)
	}
	return &Table{Name: id.String(), Location: location, Meta: m, store: l.store}, nil
}

// letGo forgets another engine's table: how many they make is not for the reactor's memory to bear.
func (l *Lake) letGo(t *Table) {
	if OwnedNamespace(t.Name) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.loaded, t.Name)
}

// stageRequest works out what a request makes of a table and writes the metadata of that. A request that changes nothing returns
// the table itself.
func (l *Lake) stageRequest(s *session, r Request, base *Table) (*Table, error) {
	var before table.Metadata
	version, from := 0, ""
	if base != nil {
		var err error
		if base, err = base.notAfter(time.Now()); err != nil {
			return nil, err
		}
		before, version, from = base.Meta, nextVersion(base.Location), base.Location
		if err := r.Require(before); err != nil {
			return nil, err
		}
	}
	next, err := updated(before, from, r.Updates)
	if err != nil {
		return nil, err
	}
	if next == nil {
		return base, nil
	}
	if r.Allow != nil {
		if err := r.Allow(before, next); err != nil {
			return nil, err
		}
	}
	location, err := metadataLocation(next, version)
	if err != nil {
		return nil, err
	}
	b, err := l.document(location, next)
	if err != nil {
		return nil, err
	}
	if err := s.WriteFile(location, b); err != nil {
		return nil, err
	}
	return &Table{Name: r.Table.String(), Location: location, Meta: next, store: l.store}, nil
}

// updated applies updates to metadata, or to none for a table that is made. It returns nil where they change nothing.
func updated(base table.Metadata, location string, text json.RawMessage) (table.Metadata, error) {
	var updates table.Updates
	if err := json.Unmarshal(text, &updates); err != nil {
		return nil, invalid("the updates cannot be read: %v", err)
	}
	b, err := builder(base, location, updates)
	if err != nil {
		return nil, err
	}
	if base == nil {
		schemaFirst(updates)
	}
	for _, u := range updates {
		if err := apply(b, base, u); err != nil {
			return nil, err
		}
	}
	if !b.HasChanges() {
		return nil, nil
	}
	if base != nil && b.LastUpdatedMS() == base.LastUpdatedMillis() {
		b.SetLastUpdatedMS() // iceberg-go moves the time with snapshots only
	}
	next, err := b.Build()
	if err != nil {
		return nil, invalid("the updates make no table: %v", err)
	}
	return next, nil
}

// schemaFirst puts what makes the schema of a new table before what refers to it. DuckDB sets the current schema last, and iceberg-go
// binds partitions and sort orders to the current one.
func schemaFirst(updates table.Updates) {
	rank := func(u table.Update) int {
		switch u.Action() {
		case table.UpdateAssignUUID, table.UpdateUpgradeFormatVersion, table.UpdateAddSchema, table.UpdateSetCurrentSchema:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(updates, func(a, b table.Update) int { return rank(a) - rank(b) })
}

// builder begins with metadata, or with none in the format that the updates ask for.
func builder(base table.Metadata, location string, updates table.Updates) (*table.MetadataBuilder, error) {
	if base != nil {
		return table.MetadataBuilderFromBase(base, location)
	}
	format := table.DefaultFormatVersion
	for _, u := range updates {
		if u.Action() != table.UpdateUpgradeFormatVersion {
			continue
		}
		asked := struct {
			Version int `json:"format-version"`
		}{}
		b, err := json.Marshal(u)
		if err == nil {
			err = json.Unmarshal(b, &asked)
		}
		if err != nil {
			return nil, fmt.Errorf("read the format version: %w", err)
		}
		format = asked.Version
	}
	b, err := table.NewMetadataBuilder(format)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return b, b.SetUUID(uuid.New()) // the updates may bring another
}

// apply applies one update.
func apply(b *table.MetadataBuilder, base table.Metadata, u table.Update) error {
	err := u.Apply(b)
	switch {
	case err == nil, u.Action() == table.UpdateRemoveSnapshotRef: // a branch or tag that is not there is gone already
		return nil
	case u.Action() == table.UpdateAddSnapshot && base != nil && stale(base, u):
		return &RequirementError{fmt.Sprintf("the snapshot was worked out from a state of the table that has passed: %v", err)}
	}
	return invalid("update %s: %v", u.Action(), err)
}

// stale tells whether a snapshot follows from a state of the table before the one it has. That is a conflict for the engine to solve,
// and no mistake of its.
func stale(base table.Metadata, u table.Update) bool {
	b, err := json.Marshal(u)
	if err != nil {
		return false
	}
	var add struct {
		Snapshot struct {
			SequenceNumber int64  `json:"sequence-number"`
			FirstRowID     *int64 `json:"first-row-id"`
		}
	}
	if err := json.Unmarshal(b, &add); err != nil {
		return false
	}
	of := add.Snapshot
	return of.SequenceNumber <= base.LastSequenceNumber() || of.FirstRowID != nil && *of.FirstRowID < base.NextRowID()
}

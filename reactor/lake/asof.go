package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"
)

// SnapshotAsOf finds the snapshot that was current at a time, nil if nothing had been written yet. It fails where nothing proves
// which one that was. Some engines (PyIceberg) take an expired snapshot out of the middle of the table's log: what stood before
// the hole would then answer for all the time of the hole.
func (t *Table) SnapshotAsOf(ctx context.Context, at time.Time) (*table.Snapshot, error) {
	if at.UnixMilli() >= t.Meta.LastUpdatedMillis() {
		return t.Snapshot(), nil
	}
	id, proven := t.logged(at)
	if !proven {
		id, proven = t.metadataThen(ctx, at)
	}
	if !proven || id != 0 && t.Meta.SnapshotByID(id) == nil {
		return nil, t.unknown(at)
	}
	return t.SnapshotByID(id)
}

// logged is what the log of snapshots says of a time, and whether the log proves it.
func (t *Table) logged(at time.Time) (id int64, proven bool) {
	log := slices.Collect(t.Meta.SnapshotLogs())
	i := len(log) - 1
	for i >= 0 && log[i].TimestampMs > at.UnixMilli() {
		i--
	}
	switch {
	case len(log) == 0:
		return 0, t.Snapshot() == nil && t.Meta.LastSequenceNumber() == 0
	case i < 0:
		return 0, t.first(log[0])
	case i+1 < len(log):
		return log[i].SnapshotID, t.neighbours(log[i], log[i+1])
	}
	return log[i].SnapshotID, log[i].SnapshotID == t.SnapshotID()
}

// metadataThen reads the metadata that the table had at a time, if it is among the former ones that it still names. What that
// one calls current was.
func (t *Table) metadataThen(ctx context.Context, at time.Time) (id int64, proven bool) {
	var then string
	for former := range t.Meta.PreviousFiles() {
		if former.TimestampMs <= at.UnixMilli() {
			then = former.MetadataFile
		}
	}
	if then == "" || t.store == nil || t.trunk != nil {
		return 0, false
	}
	b, err := t.store.read(ctx, then)
	if err != nil {
		return 0, false // upkeep has removed it; the log alone is left, and proves nothing
	}
	m, err := parseMetadata(then, b)
	if err != nil {
		return 0, false
	}
	return (&Table{Meta: m}).SnapshotID(), true
}

// neighbours tells whether nothing else was current between two entries of the log that stand side by side now. That is so
// where the later one is a commit onto the earlier one; and where main was moved by hand (a rollback) if each snapshot that was
// ever made until then is still there.
func (t *Table) neighbours(before, after table.SnapshotLogEntry) bool {
	s := t.Meta.SnapshotByID(after.SnapshotID)
	if s == nil {
		return false
	}
	if s.TimestampMs == after.TimestampMs {
		return s.ParentSnapshotID != nil && *s.ParentSnapshotID == before.SnapshotID
	}
	next := t.Meta.LastSequenceNumber() + 1
	for _, s := range t.Meta.Snapshots() {
		if s.TimestampMs >= after.TimestampMs {
			next = min(next, s.SequenceNumber)
		}
	}
	return t.Meta.Version() > 1 && t.complete(next)
}

// first tells whether the log's first entry is the table's first commit: before it the table was empty.
func (t *Table) first(entry table.SnapshotLogEntry) bool {
	s := t.Meta.SnapshotByID(entry.SnapshotID)
	return s != nil && s.ParentSnapshotID == nil && s.TimestampMs == entry.TimestampMs && t.complete(s.SequenceNumber)
}

// complete tells whether each snapshot with a sequence number below next is there. Each commit takes the next number; version 1
// of the format has none.
func (t *Table) complete(next int64) bool {
	there := int64(0)
	for _, s := range t.Meta.Snapshots() {
		if s.SequenceNumber < next {
			there++
		}
	}
	return there >= next-1
}

// unknown says that nobody knows what was current at a time, and which snapshots are left around it.
func (t *Table) unknown(at time.Time) error {
	var before, after *table.Snapshot
	for _, s := range t.Meta.Snapshots() {
		switch {
		case s.TimestampMs <= at.UnixMilli() && (before == nil || s.TimestampMs >= before.TimestampMs):
			before = &s
		case s.TimestampMs > at.UnixMilli() && (after == nil || s.TimestampMs < after.TimestampMs):
			after = &s
		}
	}
	var around []string
	for _, s := range []*table.Snapshot{before, after} {
		if s != nil {
			around = append(around, t.describe(s))
		}
	}
	return fmt.Errorf("what %s was at %s has expired; the snapshots around it are %s: name one by its number or its tag (`reactor query --snapshot %s=…`); `reactor snapshots %s` lists all",
		t.Name, at.UTC().Format(time.RFC3339Nano), strings.Join(around, " and "), t.Name, t.Name)
}

// describe names a snapshot, its time and its tags.
func (t *Table) describe(s *table.Snapshot) string {
	text := fmt.Sprintf("%d of %s", s.SnapshotID, time.UnixMilli(s.TimestampMs).UTC().Format(time.RFC3339Nano))
	var tags []string
	for name, ref := range t.Meta.Refs() {
		if ref.SnapshotID == s.SnapshotID && ref.SnapshotRefType == table.TagRef {
			tags = append(tags, name)
		}
	}
	if len(tags) == 0 {
		return text
	}
	slices.Sort(tags)
	return text + " (" + strings.Join(tags, ", ") + ")"
}

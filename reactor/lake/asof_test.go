package lake

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"pgregory.net/rapid"
)

// past is what happened to a table: what was current from which millisecond on, and the snapshots that are left.
type past struct {
	snapshots []table.Snapshot
	log       []table.SnapshotLogEntry
	sequence  int64
}

func (p *past) current() int64 {
	if len(p.log) == 0 {
		return 0
	}
	return p.log[len(p.log)-1].SnapshotID
}

// commit adds a snapshot at a time, to main or beside it.
func (p *past) commit(at int64, onMain bool) {
	p.sequence++
	s := table.Snapshot{SnapshotID: 1000 + p.sequence, SequenceNumber: p.sequence, TimestampMs: at, ManifestList: "s3://lake/m.avro", Summary: &table.Summary{Operation: table.OpAppend}}
	if parent := p.current(); parent != 0 {
		s.ParentSnapshotID = &parent
	}
	p.snapshots = append(p.snapshots, s)
	if onMain {
		p.move(at, s.SnapshotID)
	}
}

// move makes a snapshot current.
func (p *past) move(at, id int64) {
	p.log = append(p.log, table.SnapshotLogEntry{TimestampMs: at, SnapshotID: id})
}

// at is what was current at a time.
func (p *past) at(ms int64) (id int64) {
	for _, entry := range p.log {
		if entry.TimestampMs <= ms {
			id = entry.SnapshotID
		}
	}
	return id
}

// expired is the table after an engine took snapshots out of it and out of its log, wherever they stood. keep decides.
func (p *past) expired(t rapid.TB, keep func(table.Snapshot) bool) *Table {
	left, log, updated := []table.Snapshot{}, []table.SnapshotLogEntry{}, int64(0)
	there := map[int64]bool{}
	for _, s := range p.snapshots {
		if s.SnapshotID == p.current() || keep(s) {
			left, there[s.SnapshotID] = append(left, s), true
		}
		updated = max(updated, s.TimestampMs)
	}
	for _, entry := range p.log {
		if there[entry.SnapshotID] {
			log = append(log, entry)
		}
		updated = max(updated, entry.TimestampMs)
	}
	doc := map[string]any{
		"format-version": 2, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": "s3://lake/silver/a", "last-updated-ms": updated + 1000, "last-column-id": 1,
		"last-sequence-number": p.sequence, "current-schema-id": 0, "default-spec-id": 0, "last-partition-id": 999, "default-sort-order-id": 0,
		"schemas":         []any{map[string]any{"type": "struct", "schema-id": 0, "fields": []any{map[string]any{"id": 1, "name": "n", "required": false, "type": "long"}}}},
		"partition-specs": []any{map[string]any{"spec-id": 0, "fields": []any{}}}, "sort-orders": []any{map[string]any{"order-id": 0, "fields": []any{}}},
		"snapshots": left, "snapshot-log": log,
	}
	if id := p.current(); id != 0 {
		doc["current-snapshot-id"] = id
		doc["refs"] = map[string]any{"main": map[string]any{"snapshot-id": id, "type": "branch"}, "day-1970-01-01": map[string]any{"snapshot-id": left[0].SnapshotID, "type": "tag"}}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	m, err := table.ParseMetadataBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return &Table{Name: "silver.a", Meta: m}
}

func TestATimeInAHoleThatAnotherEngineExpiredIsRefused(t *testing.T) {
	p := &past{}
	for at := int64(1000); at <= 5000; at += 1000 {
		p.commit(at, true)
	}
	gone := map[int64]bool{1002: true, 1003: true}
	tab := p.expired(t, func(s table.Snapshot) bool { return !gone[s.SnapshotID] })
	for at, want := range map[int64]int64{500: 0, 4000: 1004, 4999: 1004, 5000: 1005, 9000: 1005} {
		if s, err := tab.SnapshotAsOf(t.Context(), time.UnixMilli(at)); err != nil || IDOf(s) != want {
			t.Errorf("at %d: %v, %v; want %d", at, s, err, want)
		}
	}
	// From 1000 to 1999 the first one was current, which nothing in the metadata tells from the time after it.
	for _, at := range []int64{1500, 2000, 2500, 3999} {
		_, err := tab.Find(t.Context(), time.UnixMilli(at).UTC().Format(time.RFC3339Nano))
		if err == nil {
			t.Errorf("at %d: an answer, though nobody knows it", at)
			continue
		}
		for _, says := range []string{"silver.a", "has expired", "1001 of 1970-01-01T00:00:01Z (day-1970-01-01)", "1004 of 1970-01-01T00:00:04Z", "--snapshot silver.a=", "reactor snapshots silver.a"} {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("at %d: %q does not say %q", at, err, says)
			}
		}
	}
}

// A rollback moves main to an older snapshot. In its log a hole looks like one more step back.
func TestARollbackIsReadAsOfItsTime(t *testing.T) {
	p := &past{}
	for at := int64(1000); at <= 3000; at += 1000 {
		p.commit(at, true)
	}
	p.move(4000, 1001)
	p.commit(5000, true)
	whole := p.expired(t, func(table.Snapshot) bool { return true })
	for at, want := range map[int64]int64{3500: 1003, 4500: 1001, 5000: 1004} {
		if s, err := whole.SnapshotAsOf(t.Context(), time.UnixMilli(at)); err != nil || IDOf(s) != want {
			t.Errorf("at %d: %v, %v; want %d", at, s, err, want)
		}
	}
	holed := p.expired(t, func(s table.Snapshot) bool { return s.SnapshotID != 1003 })
	if s, err := holed.SnapshotAsOf(t.Context(), time.UnixMilli(3500)); err == nil {
		t.Errorf("the snapshot that was rolled back has expired, and %d answers for it", IDOf(s))
	}
}

// Whatever happened to a table, and whatever expired of it: an answer is right. With nothing expired there is always one.
func TestATimeIsNeverAnsweredWrongly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, at := &past{}, int64(1000)
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			at += rapid.Int64Range(1, 50).Draw(t, "pause")
			switch kind := rapid.IntRange(0, 5).Draw(t, "event"); {
			case kind < 3 || len(p.snapshots) == 0:
				p.commit(at, true)
			case kind == 3:
				p.commit(at, false)
			default:
				p.move(at, rapid.SampledFrom(p.snapshots).Draw(t, "to").SnapshotID)
			}
		}
		keep := map[int64]bool{}
		whole := rapid.Bool().Draw(t, "whole")
		for _, s := range p.snapshots {
			keep[s.SnapshotID] = whole || rapid.Bool().Draw(t, fmt.Sprint("keep ", s.SnapshotID))
		}
		tab := p.expired(t, func(s table.Snapshot) bool { return keep[s.SnapshotID] })
		for ms := int64(990); ms <= at+10; ms++ {
			s, err := tab.SnapshotAsOf(context.Background(), time.UnixMilli(ms))
			if err == nil && IDOf(s) != p.at(ms) {
				t.Fatalf("at %d: %d, and it was %d: log %v", ms, IDOf(s), p.at(ms), p.log)
			}
			if err != nil && whole {
				t.Fatalf("at %d: %v, with nothing expired: log %v", ms, err, p.log)
			}
		}
	})
}

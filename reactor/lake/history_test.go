package lake

import (
	"slices"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func TestTheLastSnapshotOfADayIsTagged(t *testing.T) {
	at := func(text string) time.Time {
		tm, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, test := range []struct {
		last, next, tag string
		ok              bool
	}{
		{"2026-01-31T10:00:00Z", "2026-01-31T23:59:59Z", "day-2026-01-31", false},
		{"2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "day-2026-01-31", true},
		{"2026-01-31T23:59:59Z", "2026-02-07T12:00:00Z", "day-2026-01-31", true},
		{"2026-02-01T01:00:00+02:00", "2026-02-01T01:00:00Z", "day-2026-01-31", true}, // days are UTC
		{"2026-02-01T00:00:00Z", "2026-01-31T23:59:59Z", "day-2026-02-01", false},     // the clock went back
	} {
		if tag, ok := dayTag(at(test.last), at(test.next)); tag != test.tag || ok != test.ok {
			t.Errorf("from %s to %s: %s, %v; want %s, %v", test.last, test.next, tag, ok, test.tag, test.ok)
		}
	}
}

func TestOldDaysKeepTheLastTagOfEachMonth(t *testing.T) {
	schema := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64})
	meta, err := newMetadata("s3://lake", Definition{Name: "silver.a", Schema: schema, Spec: *iceberg.UnpartitionedSpec})
	if err != nil {
		t.Fatal(err)
	}
	// In the future, because metadata that is made now takes no older snapshot.
	at := time.Date(2126, 6, 30, 12, 0, 0, 0, time.UTC)
	snap := table.Snapshot{SnapshotID: 1, SequenceNumber: 1, TimestampMs: at.UnixMilli(), Summary: &table.Summary{Operation: table.OpAppend}}
	updates := []table.Update{table.NewAddSnapshotUpdate(&snap)}
	for _, tag := range []string{"day-2125-12-01", "day-2125-12-30", "day-2126-01-05", "day-2126-06-29", "day-2126-06-30", "month-end", "day-off"} {
		updates = append(updates, table.NewSetSnapshotRefUpdate(tag, 1, table.TagRef, 0, 0, 0))
	}
	meta, err = table.UpdateTableMetadata(meta, updates, "")
	if err != nil {
		t.Fatal(err)
	}
	base := &Table{Name: "silver.a", Meta: meta}
	meta, err = table.UpdateTableMetadata(meta, untag(base, &snap), "")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for name := range meta.Refs() {
		left = append(left, name)
	}
	slices.Sort(left)
	want := []string{"day-2125-12-30", "day-2126-01-05", "day-2126-06-29", "day-2126-06-30", "day-off", "month-end"}
	if !slices.Equal(left, want) {
		t.Errorf("tags left %v, want %v", left, want)
	}
}

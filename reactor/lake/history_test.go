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
	meta, err = table.UpdateTableMetadata(meta, untag(base, time.UnixMilli(snap.TimestampMs)), "")
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

func TestPropertiesAskForMoreSnapshots(t *testing.T) {
	schema := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64})
	// In the future, because metadata that is made now takes no older snapshot.
	first := time.Date(2126, 6, 30, 12, 0, 0, 0, time.UTC)
	with := func(properties iceberg.Properties, made int) table.Metadata {
		t.Helper()
		meta, err := newMetadata("s3://lake", Definition{Name: "silver.a", Schema: schema, Spec: *iceberg.UnpartitionedSpec, Properties: properties})
		if err != nil {
			t.Fatal(err)
		}
		var updates []table.Update
		for i := range made { // one a second
			updates = append(updates, table.NewAddSnapshotUpdate(&table.Snapshot{
				SnapshotID: int64(i + 1), SequenceNumber: int64(i + 1), TimestampMs: first.Add(time.Duration(i) * time.Second).UnixMilli(), Summary: &table.Summary{Operation: table.OpAppend},
			}))
		}
		if meta, err = table.UpdateTableMetadata(meta, updates, ""); err != nil {
			t.Fatal(err)
		}
		return meta
	}
	number := func(n string) iceberg.Properties {
		return iceberg.Properties{"history.expire.min-snapshots-to-keep": n}
	}
	age := func(ms string) iceberg.Properties {
		return iceberg.Properties{"history.expire.max-snapshot-age-ms": ms}
	}
	for name, test := range map[string]struct {
		properties iceberg.Properties
		made       int
		keep       int64
		want       int
	}{
		"nobody asks":                    {made: 100, want: keptSnapshots},
		"gold needs one":                 {made: 100, keep: 41, want: 60},
		"a number":                       {properties: number("70"), made: 100, want: 70},
		"a number below ours":            {properties: number("5"), made: 100, want: keptSnapshots},
		"a number that is too large":     {properties: number("100000"), made: 100, want: mostSnapshots},
		"what is no number":              {properties: number("many"), made: 100, want: keptSnapshots},
		"an age":                         {properties: age("60000"), made: 200, want: 62}, // both ends, and the next one
		"an age that all are within":     {properties: age("3600000"), made: 100, want: 101},
		"an age that none is within":     {properties: age("-1"), made: 100, want: keptSnapshots},
		"an age, and gold needs more":    {properties: age("60000"), made: 200, keep: 101, want: 100},
		"an age of a table without rows": {properties: age("60000"), want: keptSnapshots},
	} {
		now := first.Add(time.Duration(max(test.made-1, 0)) * time.Second)
		if got := retained(with(test.properties, test.made), test.keep, now); got != test.want {
			t.Errorf("%s: %d snapshots are retained, want %d", name, got, test.want)
		}
	}
}

package lake

import (
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func TestMainIsMovedAtTheTimeOfTheCommit(t *testing.T) {
	schema := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64})
	meta, err := newMetadata("s3://lake", Definition{Name: "gold.a", Schema: schema, Spec: *iceberg.UnpartitionedSpec})
	if err != nil {
		t.Fatal(err)
	}
	made := meta.LastUpdatedMillis()
	var parent *int64
	for sequence := range int64(2) {
		snap := table.Snapshot{SnapshotID: 1 + sequence, SequenceNumber: 1 + sequence, ParentSnapshotID: parent, TimestampMs: made + sequence, Summary: &table.Summary{Operation: table.OpAppend}}
		meta, err = table.UpdateTableMetadata(meta, []table.Update{table.NewAddSnapshotUpdate(&snap), table.NewSetSnapshotRefUpdate(Main, snap.SnapshotID, table.BranchRef, 0, 0, 0)}, "")
		if err != nil {
			t.Fatal(err)
		}
		parent = &snap.SnapshotID
	}
	for time.Now().UnixMilli() <= made+10 { // the clock that iceberg-go looks at is later than the commit
		time.Sleep(time.Millisecond)
	}
	back, err := table.UpdateTableMetadata(meta, []table.Update{table.NewSetSnapshotRefUpdate(Main, 1, table.BranchRef, 0, 0, 0)}, "")
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(made + 2)
	if back, err = movedAt(back, at); err != nil {
		t.Fatal(err)
	}
	tab := &Table{Name: "gold.a", Meta: back}
	for ms, want := range map[int64]int64{made - 1: 0, made: 1, made + 1: 2, made + 2: 1, made + 100: 1} {
		if s, err := tab.SnapshotAsOf(t.Context(), time.UnixMilli(ms)); err != nil || (s == nil) != (want == 0) || s != nil && s.SnapshotID != want {
			t.Errorf("%d ms after the table was made the snapshot is %+v, %v; want %d", ms-made, s, err, want)
		}
	}
	if back.LastUpdatedMillis() != at.UnixMilli() {
		t.Errorf("it was changed at %d, want %d", back.LastUpdatedMillis(), at.UnixMilli())
	}
	if same, err := movedAt(meta, at); err != nil || same != meta {
		t.Errorf("a commit of its own time is read again: %v", err)
	}
}

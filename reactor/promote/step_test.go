package promote

import (
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

func TestTheStepIsThatOfTheRowsNotOfUpkeep(t *testing.T) {
	schema := iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "n", Type: iceberg.PrimitiveTypes.Int64})
	meta, err := table.NewMetadata(schema, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, "s3://lake/gold/a", iceberg.Properties{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	for i, snap := range []struct {
		operation table.Operation
		step      string
		want      int64
	}{
		{table.OpAppend, "7", 7},
		{table.OpReplace, "", 7},
		{table.OpReplace, "", 7},
		{table.OpOverwrite, "", 0}, // by another engine
		{table.OpReplace, "", 0},
		{table.OpOverwrite, "8", 8},
	} {
		at = at.Add(time.Second)
		s := table.Snapshot{SnapshotID: int64(i + 1), SequenceNumber: int64(i + 1), TimestampMs: at.UnixMilli(), Summary: &table.Summary{Operation: snap.operation, Properties: iceberg.Properties{}}}
		if i > 0 {
			parent := int64(i)
			s.ParentSnapshotID = &parent
		}
		if snap.step != "" {
			s.Summary.Properties[stepProperty] = snap.step
		}
		meta, err = table.UpdateTableMetadata(meta, []table.Update{table.NewAddSnapshotUpdate(&s), table.NewSetSnapshotRefUpdate(table.MainBranch, s.SnapshotID, table.BranchRef, 0, 0, 0)}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := StepOf(&lake.Table{Name: "gold.a", Meta: meta}); got != snap.want {
			t.Errorf("after snapshot %d (%s, step %q): step %d, want %d", i+1, snap.operation, snap.step, got, snap.want)
		}
	}
}

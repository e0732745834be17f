package lake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"pgregory.net/rapid"

	"millrace/reactor/lake"
)

// past makes a table whose snapshots 1, 2, 3, … are those of a text: a is a commit, u upkeep's, r another engine's that says it replaced files.
func past(t rapid.TB, kinds string) *lake.Table {
	meta, err := table.NewMetadata(schema, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, "s3://lake/silver/a", iceberg.Properties{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	for i, kind := range kinds {
		at = at.Add(time.Second)
		s := table.Snapshot{SnapshotID: int64(i + 1), SequenceNumber: int64(i + 1), TimestampMs: at.UnixMilli(), Summary: &table.Summary{Operation: table.OpAppend, Properties: iceberg.Properties{}}}
		if i > 0 {
			parent := int64(i)
			s.ParentSnapshotID = &parent
		}
		if kind != 'a' {
			s.Summary.Operation = table.OpReplace
		}
		if kind == 'u' {
			s.Summary.Properties["millrace.upkeep"] = "true"
		}
		meta, err = table.UpdateTableMetadata(meta, []table.Update{table.NewAddSnapshotUpdate(&s), table.NewSetSnapshotRefUpdate(table.MainBranch, s.SnapshotID, table.BranchRef, 0, 0, 0)}, "")
		if err != nil {
			t.Fatal(err)
		}
	}
	return &lake.Table{Name: "silver.a", Meta: meta}
}

// stretches writes the stretches from a snapshot on as text, in order.
func stretches(t rapid.TB, tab *lake.Table, from int64) string {
	s, err := tab.SnapshotByID(from)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, part := range tab.Stretches(s) {
		texts = append(texts, fmt.Sprintf("%d-%d", lake.IDOf(part.From), lake.IDOf(part.To)))
	}
	slices.Reverse(texts)
	return strings.Join(texts, " ")
}

func TestStretchesLeaveOutUpkeep(t *testing.T) {
	for _, c := range []struct {
		kinds string
		from  int64
		want  string
	}{
		{"a", 0, "0-1"},
		{"aaa", 0, "0-3"},
		{"aaa", 1, "1-3"},
		{"aaa", 3, ""},
		{"aau", 1, "1-2"},
		{"aua", 1, "2-3"},
		{"auuaau", 1, "3-5"},
		{"auaua", 0, "0-1 2-3 4-5"},
		{"auu", 1, ""},
		{"aru", 1, "1-2"},
		{"", 0, "0-0"},
	} {
		if got := stretches(t, past(t, c.kinds), c.from); got != c.want {
			t.Errorf("the history %q from %d on has the stretches %q, want %q", c.kinds, c.from, got, c.want)
		}
	}
}

// Whatever the history, each commit but upkeep's is in one stretch, and none of upkeep's is.
func TestEachCommitIsInOneStretch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.StringMatching("[aur]{1,12}").Draw(t, "history")
		from := rapid.Int64Range(0, int64(len(kinds))).Draw(t, "from")
		in := map[int64]int{}
		tab := past(t, kinds)
		s, err := tab.SnapshotByID(from)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range tab.Stretches(s) {
			for id := lake.IDOf(part.From) + 1; id <= lake.IDOf(part.To); id++ {
				in[id]++
			}
		}
		for id := int64(1); id <= int64(len(kinds)); id++ {
			want := 0
			if id > from && kinds[id-1] != 'u' {
				want = 1
			}
			if in[id] != want {
				t.Fatalf("snapshot %d of %q from %d on is in %d stretches, want %d", id, kinds, from, in[id], want)
			}
		}
	})
}

// A pin may name a snapshot that a rollback left aside, and snapshots in between may have expired: then only the two ends are compared.
func TestOneStretchWhereTheWayIsNotKnown(t *testing.T) {
	tab := past(t, "auaua")
	back, err := table.UpdateTableMetadata(tab.Meta, []table.Update{table.NewSetSnapshotRefUpdate(table.MainBranch, 3, table.BranchRef, 0, 0, 0)}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := stretches(t, &lake.Table{Name: "silver.a", Meta: back}, 5); got != "5-3" {
		t.Errorf("after a rollback: %q, want one stretch", got)
	}
	short, err := table.UpdateTableMetadata(tab.Meta, []table.Update{table.NewRemoveSnapshotsUpdate([]int64{2, 3}, false)}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{0, 1} {
		if got, want := stretches(t, &lake.Table{Name: "silver.a", Meta: short}, from), fmt.Sprintf("%d-5", from); got != want {
			t.Errorf("after snapshots expired, from %d on: %q, want %q", from, got, want)
		}
	}
}

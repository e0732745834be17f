package lake

import (
	"slices"
	"testing"
)

// A removal holds where the current snapshot was made from the one that showed it. Those before the oldest one that is kept hold.
func TestARollbackTakesBackTheRemovalsInItsGap(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		l := &Lake{catalog: opened(t, address)}
		removed := func(id string, snapshot, sequence int64) Entry {
			return Entry{EventID: id, Table: "asset_prices", SourceKey: id, Outcome: OutcomeRemoved, SnapshotID: snapshot, Sequence: sequence, ModifiedAt: at(int(sequence))}
		}
		other := removed("of another table", 105, 5)
		other.Table = "asset_snapshots"
		done := removed("done", 105, 5)
		done.Outcome = OutcomeDone
		if err := l.Record(t.Context(), removed("empty", 0, 0), removed("long ago", 101, 1), removed("kept", 102, 2), removed("taken back", 105, 5), removed("since", 107, 7), other, done); err != nil {
			t.Fatal(err)
		}
		ids := func(chain []int64, oldest int64) (ids []string) {
			t.Helper()
			err := l.eachEntry(t.Context(), l.undone("asset_prices", chain, oldest), func(e Entry) error {
				ids = append(ids, e.EventID)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		if got := ids([]int64{107, 102}, 2); !slices.Equal(got, []string{"taken back"}) {
			t.Errorf("rolled back to 2, then committed: %v is undone", got)
		}
		if got := ids([]int64{102}, 2); !slices.Equal(got, []string{"taken back", "since"}) {
			t.Errorf("rolled back to 2: %v is undone", got)
		}
		if got := ids([]int64{107, 105, 102}, 2); len(got) > 0 {
			t.Errorf("not rolled back: %v is undone", got)
		}
		if got := ids(nil, 0); len(got) > 0 {
			t.Errorf("of an empty table %v is undone", got)
		}
		if err := l.catalog.write(t.Context(), func(tx *Tx) error { return tx.LetGoOfRemovals(t.Context()) }); err != nil {
			t.Fatal(err)
		}
		if got := ids([]int64{107, 105, 102}, 2); len(got) != 5 {
			t.Errorf("of removals that nothing holds %v is undone", got)
		}
	})
}

package lake_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"millrace/reactor/lake"
)

// An event that changes nothing moves no pointer, so the compare-and-swap of the pointers does not see it. Two things do: who writes
// such an event holds the pointer that was read, and who replaces wrong rows counts the events that came in meanwhile.
func eventsThatChangeNothing(t *testing.T, l *lake.Lake) {
	own := name(t, "a")
	read := view(t, l).Tables[own]
	entry := func(n int, sequence int64, outcome string) lake.Entry {
		return lake.Entry{EventID: fmt.Sprint(t.Name(), n), Table: own, SourceKey: "k", SourceVersion: fmt.Sprint(n), ModifiedAt: time.UnixMilli(5).UTC(), Outcome: outcome, Sequence: sequence, At: time.UnixMicro(7).UTC()}
	}
	record := func(base *lake.Table, e lake.Entry) error {
		_, err := l.Commit(t.Context(), nil, func(tx *lake.Tx, _ []*lake.Table) error {
			if err := tx.Unmoved(t.Context(), base); err != nil {
				return err
			}
			return tx.Record(t.Context(), e)
		})
		return err
	}
	if err := record(read, entry(1, 0, lake.OutcomeDone)); err != nil {
		t.Fatal(err)
	}
	next, err := l.Commit(t.Context(), []lake.Change{change(t, read, nil, row{"x", 600, 1})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := record(read, entry(2, 0, lake.OutcomeDone)); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("an event that was compared with former rows: %v, want a conflict", err)
	}
	if err := record(next[0], entry(2, 1, lake.OutcomeDone)); err != nil {
		t.Fatal(err)
	}

	since, err := l.Since(t.Context(), own, 1)
	if err != nil || len(since) != 1 || since[0].SourceVersion != "2" {
		t.Fatalf("since the first commit there are %+v, %v", since, err)
	}
	still := func(counted lake.Tally) error {
		_, err := l.Commit(t.Context(), []lake.Change{change(t, view(t, l).Tables[own], nil, row{"y", 600, 1})}, func(tx *lake.Tx, _ []*lake.Table) error {
			return tx.Still(t.Context(), own, 1, counted)
		})
		return err
	}
	if err := still(lake.TallyOf(since)); err != nil {
		t.Errorf("nothing came in meanwhile: %v", err)
	}
	for what, e := range map[string]lake.Entry{"another event": entry(3, 1, lake.OutcomeDone), "a removal": entry(2, 1, lake.OutcomeRemoved)} {
		before, err := l.Since(t.Context(), own, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if err := still(lake.TallyOf(before)); !errors.Is(err, lake.ErrConflict) {
			t.Errorf("%s came in meanwhile: %v, want a conflict", what, err)
		}
	}
}

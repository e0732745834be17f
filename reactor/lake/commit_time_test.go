package lake_test

import (
	"testing"
	"time"

	"millrace/reactor/lake"
)

// Whoever reads two tables as of a time must not see one half of a commit.
func oneTime(t *testing.T, l *lake.Lake) {
	v := view(t, l)
	p := l.Begin(t.Context())
	p.Stage(func() (lake.Change, bool, error) {
		return change(t, v.Tables[name(t, "a")], nil, row{"x", 600, 1}), true, nil
	})
	p.Stage(func() (lake.Change, bool, error) {
		time.Sleep(20 * time.Millisecond) // the other one is written long before, or not: the outcome is the same
		return change(t, v.Tables[name(t, "b")], nil, row{"x", 600, 1}), true, nil
	})
	next, err := p.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := next[0].Snapshot().TimestampMs
	if other := next[1].Snapshot().TimestampMs; other != at || next[1].Meta.LastUpdatedMillis() != at {
		t.Errorf("one commit has the times %d and %d", at, other)
	}
	for _, tab := range next {
		if s, err := tab.SnapshotAsOf(t.Context(), time.UnixMilli(at)); err != nil || s == nil || s.SnapshotID != tab.SnapshotID() {
			t.Errorf("as of the commit %s has %v, %v", tab.Name, s, err)
		}
		if s, err := tab.SnapshotAsOf(t.Context(), time.UnixMilli(at-1)); err != nil || s != nil {
			t.Errorf("before the commit %s has %v, %v", tab.Name, s, err)
		}
	}

	// A table that somebody changes meanwhile has no snapshot that is older than its parent.
	p = l.Begin(t.Context())
	p.Stage(func() (lake.Change, bool, error) { return change(t, next[0], nil, row{"y", 600, 2}), true, nil })
	p.Stage(func() (lake.Change, bool, error) {
		time.Sleep(20 * time.Millisecond)
		others, err := l.Commit(t.Context(), []lake.Change{change(t, next[1], nil, row{"y", 600, 2})}, nil)
		if err != nil {
			return lake.Change{}, false, err
		}
		return change(t, others[0], nil, row{"z", 600, 3}), true, nil
	})
	if next, err = p.Finish(nil); err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	for entry := range next[1].Meta.SnapshotLogs() {
		if entry.TimestampMs < last {
			t.Errorf("%s has a snapshot of %d after one of %d", next[1].Name, entry.TimestampMs, last)
		}
		last = entry.TimestampMs
	}
}

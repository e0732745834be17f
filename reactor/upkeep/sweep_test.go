package upkeep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"millrace/reactor/lake"
)

type fakeLake struct {
	orphans []string
	adopted []string // are there as well, and needed
	later   int      // version of metadata that lies there, of a catalog that names the first
	removed []string
	pieces  int
	branch  string // that another engine is writing
}

func (f *fakeLake) OwnView(context.Context) (*lake.View, error) {
	return &lake.View{Tables: map[string]*lake.Table{"silver.a": nil}}, nil
}

func (f *fakeLake) Objects(context.Context, string) iter.Seq2[lake.Orphan, error] {
	return func(yield func(lake.Orphan, error) bool) {
		for _, p := range slices.Concat(f.orphans, f.adopted) {
			if !yield(lake.Orphan{Path: p, ModifiedAt: time.Unix(0, 0), Metadata: f.later}, nil) {
				return
			}
		}
	}
}

func (f *fakeLake) Needs(context.Context, string) (lake.Needs, error) {
	n := lake.Needs{Paths: map[string]bool{}, Version: 1}
	for _, p := range f.adopted {
		n.Paths[p] = true
	}
	return n, nil
}

func (f *fakeLake) ForgetRuns(context.Context, int) error { return nil }

func (f *fakeLake) BeingWritten(context.Context, time.Time) (string, error) { return f.branch, nil }

func (f *fakeLake) RemoveOrphans(_ context.Context, os []lake.Orphan) (int, error) {
	f.pieces++
	for _, o := range os {
		f.removed = append(f.removed, o.Path)
	}
	return len(os), nil
}

// sweeper is that of a lake, with the clock that it goes by.
func sweeper(l *fakeLake) (*Sweeper, *time.Time) {
	s, clock := NewSweeper(nil, slog.Default(), nil), time.Now()
	s.lake, s.now = l, func() time.Time { return clock }
	return s, &clock
}

func TestAnObjectIsRemovedOnlyAfterItWasAnOrphanAllTheTime(t *testing.T) {
	l := &fakeLake{}
	s, clock := sweeper(l)
	look := func(after time.Duration, orphans ...string) {
		t.Helper()
		*clock = clock.Add(after)
		l.orphans, l.removed = orphans, nil
		if _, err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look(0, "old", "adopted")
	if l.removed != nil {
		t.Errorf("%v went at first sight, however old: it may belong to a commit under way", l.removed)
	}
	l.adopted = []string{"adopted"}
	look(patience/2, "old") // a commit has named the other one
	l.adopted = nil
	look(patience/2, "old", "adopted")
	if !slices.Equal(l.removed, []string{"old"}) {
		t.Errorf("removed %v, want old only: adopted was no orphan in between", l.removed)
	}
	look(patience, "adopted")
	if !slices.Equal(l.removed, []string{"adopted"}) {
		t.Errorf("removed %v, want adopted", l.removed)
	}
}

// Another engine's commit of a large table takes as long as it takes, and its files have no name until then.
func TestNothingIsRemovedWhileABranchIsWritten(t *testing.T) {
	l := &fakeLake{orphans: []string{"a"}}
	s, clock := sweeper(l)
	look := func(after time.Duration, branch string) {
		t.Helper()
		*clock, l.branch = clock.Add(after), branch
		if _, err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look(0, "")
	look(2*patience, "by-spark")
	look(0, "")
	look(patience/2, "")
	if l.removed != nil {
		t.Errorf("removed %v: it was seen for no hour without a branch being written", l.removed)
	}
	look(patience, "")
	if !slices.Equal(l.removed, []string{"a"}) {
		t.Errorf("removed %v, want a: the branch is complete", l.removed)
	}
}

func TestNothingIsRemovedWhereTheCatalogIsBehind(t *testing.T) {
	l := &fakeLake{orphans: []string{"a"}}
	s, clock := sweeper(l)
	if _, err := s.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	*clock, l.later = clock.Add(2*patience), 3
	if _, err := s.Look(t.Context()); !errors.Is(err, lake.ErrBehind) || l.removed != nil {
		t.Errorf("removed %v, error %v", l.removed, err)
	}
	// What was seen before counts for nothing: it is looked at anew.
	*clock, l.later = clock.Add(time.Minute), 0
	if _, err := s.Look(t.Context()); err != nil || l.removed != nil {
		t.Errorf("removed %v, error %v", l.removed, err)
	}
}

func TestManyOrphansAreRemovedInPieces(t *testing.T) {
	l := &fakeLake{}
	for i := range 2*removedAtOnce + 1 {
		l.orphans = append(l.orphans, fmt.Sprint(i))
	}
	s, clock := sweeper(l)
	if _, err := s.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	*clock = clock.Add(patience)
	did, err := s.Look(t.Context())
	if err != nil || did.Removed != len(l.orphans) || !slices.Equal(l.removed, l.orphans) || l.pieces != 3 {
		t.Errorf("%d of %d objects were removed, in %d pieces, %v", did.Removed, len(l.orphans), l.pieces, err)
	}
}

func TestALongLookIsSeldom(t *testing.T) {
	for listing, want := range map[time.Duration]time.Duration{time.Second: lookEvery, time.Minute: lookShare * time.Minute} {
		if got := (Looked{Listing: listing, Removing: time.Hour}).next(); got != want {
			t.Errorf("after a look of %s the next one comes in %s, want %s", listing, got, want)
		}
	}
}

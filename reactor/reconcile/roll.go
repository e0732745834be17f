package reconcile

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// Book reads the ledger, entry by entry.
type Book interface {
	Entries(ctx context.Context, f func(lake.Entry) error) error
}

// Roll makes the comparison in the other direction: it notes the objects whose rows the tables have, and whether a listing shows them.
// CallRoll reads the ledger before the listing begins, so objects that come in meanwhile do not count as absent. An object takes 17
// bytes.
type Roll struct {
	names []name // sorted
	seen  []bool
}

// name is the first half of an event's identity. It is enough to tell all objects apart.
type name [16]byte

func nameOf(id event.ID) (n name, ok bool) {
	b, err := hex.DecodeString(string(id))
	return n, err == nil && copy(n[:], b) == len(n)
}

// CallRoll reads from the ledger which objects have rows in the tables.
func CallRoll(ctx context.Context, book Book) (*Roll, error) {
	r := &Roll{}
	err := book.Entries(ctx, func(e lake.Entry) error {
		if n, ok := nameOf(event.ID(e.EventID)); ok && e.Held() {
			r.names = append(r.names, n)
		}
		return nil
	})
	slices.SortFunc(r.names, func(a, b name) int { return bytes.Compare(a[:], b[:]) })
	r.seen = make([]bool, len(r.names))
	return r, err
}

// See is called for each listed object.
func (r *Roll) See(o event.Object) {
	if n, ok := nameOf(o.ID()); ok {
		if i, found := r.find(n); found {
			r.seen[i] = true
		}
	}
}

func (r *Roll) find(n name) (int, bool) {
	return slices.BinarySearchFunc(r.names, n, func(a, b name) int { return bytes.Compare(a[:], b[:]) })
}

// Absent is an object whose rows the tables have and that the listing lacks.
type Absent struct {
	lake.Entry
	// Hidden tells that the object exists. Cover is the key of the object that hides it, "" if it is missing for an unknown reason.
	Hidden bool
	Cover  string
}

// Advice says what is wrong with the object and what mends it.
func (a Absent) Advice() string {
	switch {
	case !a.Hidden:
		return "its version was deleted from bronze and its rows are still there: `reactor reconcile` removes them"
	case a.Cover != "":
		return fmt.Sprintf("it exists, but the object %s hides it from every listing: `reactor retract %s` deletes that object", a.Cover, a.Cover)
	}
	return "it exists, but the bucket's listing lacks it: look at the object store's log and disk"
}

// Absent returns the objects that were not seen, with the reason.
func (r *Roll) Absent(ctx context.Context, book Book, b bucket.Bucket) ([]Absent, error) {
	var absent []lake.Entry
	if !slices.Contains(r.seen, false) {
		return nil, nil
	}
	err := book.Entries(ctx, func(e lake.Entry) error {
		n, ok := nameOf(event.ID(e.EventID))
		if !ok || !e.Held() {
			return nil
		}
		if i, found := r.find(n); found && !r.seen[i] {
			absent = append(absent, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return Explain(ctx, b, absent)
}

// Explain finds out whether objects that the listing lacks are hidden, and by which object. It sorts them by key. An object that hides
// others explains all objects below it.
func Explain(ctx context.Context, b bucket.Bucket, entries []lake.Entry) ([]Absent, error) {
	slices.SortFunc(entries, func(x, y lake.Entry) int {
		return cmp.Or(cmp.Compare(x.SourceKey, y.SourceKey), x.ModifiedAt.Compare(y.ModifiedAt), cmp.Compare(x.EventID, y.EventID))
	})
	var all []Absent
	cover := ""
	for _, e := range entries {
		a := Absent{Entry: e}
		if cover != "" && strings.HasPrefix(e.SourceKey, cover+"/") {
			a.Hidden, a.Cover = true, cover
			all = append(all, a)
			continue
		}
		p, there, err := Present(ctx, b, e.SourceKey, e.SourceVersion)
		if err != nil {
			return nil, err
		}
		if there && p.Is(e.ModifiedAt) {
			a.Hidden = true
			if a.Cover, err = Cover(ctx, b, e.SourceKey); err != nil {
				return nil, err
			}
			cover = cmp.Or(a.Cover, cover)
		}
		all = append(all, a)
	}
	return all, nil
}

// Removal makes the event that says that a version is gone.
func Removal(b bucket.Bucket, e lake.Entry) event.Object {
	return event.Object{Bucket: b.Name, Key: e.SourceKey, Version: e.SourceVersion, ModifiedAt: e.ModifiedAt, Removed: true}
}

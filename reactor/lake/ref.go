package lake

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Main is the branch that readers see and that every commit goes to.
const Main = table.MainBranch

// Find returns the snapshot that a person names by its number, by a tag or branch, or by a time, for what was current then. "" names
// the current snapshot, and 0 the empty table, for which Find returns nil.
func (t *Table) Find(ctx context.Context, name string) (*table.Snapshot, error) {
	if name == "" || name == Main {
		return t.Snapshot(), nil
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return t.SnapshotByID(id)
	}
	if to, ok := t.ref(name); ok {
		return t.SnapshotByID(to.SnapshotID)
	}
	if at, ok := ParseTime(name, time.Now()); ok {
		return t.SnapshotAsOf(ctx, at)
	}
	return nil, fmt.Errorf("%s has no snapshot, tag or branch %q (a time is written 2026-01-31T12:00:00Z, 2026-01-31, yesterday): `reactor snapshots %s` lists them", t.Name, name, t.Name)
}

// ref finds a tag or a branch.
func (t *Table) ref(name string) (table.SnapshotRef, bool) {
	for ref, to := range t.Meta.Refs() {
		if ref == name {
			return to, true
		}
	}
	return table.SnapshotRef{}, false
}

// ParseTime reads a moment, or a day for its beginning in UTC; now, today and yesterday are days and a moment, too. Without a
// zone a time is in UTC.
func ParseTime(text string, now time.Time) (time.Time, bool) {
	today := now.UTC().Truncate(24 * time.Hour)
	switch strings.ToLower(text) {
	case "now":
		return now.UTC(), true
	case "today":
		return today, true
	case "yesterday":
		return today.AddDate(0, 0, -1), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

var refName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,99}$`)

// CheckRefName refuses a name for a tag or branch that could be taken for a number, a time or main.
func CheckRefName(name string) error {
	if _, isTime := ParseTime(name, time.Now()); isTime || name == Main || !refName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a tag or branch: a name begins with a letter, has letters, digits, dots, underscores and hyphens, and is neither %s nor a time such as yesterday", name, Main)
	}
	return nil
}

// ErrTagTaken says that a tag of the name is at another snapshot.
var ErrTagTaken = errors.New("the tag is at another snapshot")

// Tag names a snapshot. Expiry leaves a tagged snapshot and its files alone. A tag does not move: drop it first.
func (l *Lake) Tag(ctx context.Context, t *Table, name string, s *table.Snapshot) error {
	if err := CheckRefName(name); err != nil {
		return err
	}
	if to, taken := t.ref(name); taken {
		if to.SnapshotID == s.SnapshotID && to.SnapshotRefType == table.TagRef {
			return nil
		}
		return fmt.Errorf("%w: %s of %s is a %s at %d; drop it first", ErrTagTaken, name, t.Name, to.SnapshotRefType, to.SnapshotID)
	}
	return l.changeRef(ctx, t, table.NewSetSnapshotRefUpdate(name, s.SnapshotID, table.TagRef, 0, 0, 0))
}

// DropTag takes a tag away. Its snapshot may expire from then on.
func (l *Lake) DropTag(ctx context.Context, t *Table, name string) error {
	if to, ok := t.ref(name); ok && to.SnapshotRefType == table.TagRef {
		return l.changeRef(ctx, t, table.NewRemoveSnapshotRefUpdate(name))
	}
	return fmt.Errorf("%s has no tag %q: `reactor tag %s` lists those it has", t.Name, name, t.Name)
}

// Rollback makes an earlier snapshot of t the current one and sets properties of the table. Later snapshots stay until they expire.
// inTx, unless it is nil, writes what has to be true with it.
func (l *Lake) Rollback(ctx context.Context, t *Table, to *table.Snapshot, properties iceberg.Properties, inTx func(context.Context, *Tx) error) error {
	updates := []table.Update{table.NewSetSnapshotRefUpdate(Main, to.SnapshotID, table.BranchRef, 0, 0, 0)}
	if len(properties) > 0 {
		updates = append(updates, table.NewSetPropertiesUpdate(properties))
	}
	return l.changeRefs(ctx, []refChange{{t, updates}}, func(tx *Tx) error {
		if inTx == nil {
			return nil
		}
		return inTx(ctx, tx)
	})
}

// changeRef commits a change of one table's refs.
func (l *Lake) changeRef(ctx context.Context, t *Table, updates ...table.Update) error {
	return l.changeRefs(ctx, []refChange{{t, updates}}, nil)
}

// refChange moves tags and branches of a table, with properties of it. It touches no row.
type refChange struct {
	table   *Table
	updates []table.Update
}

// changeRefs commits changes of several tables at once, with what inTx writes unless it is nil.
func (l *Lake) changeRefs(ctx context.Context, all []refChange, inTx func(*Tx) error) error {
	s := newSession(ctx, l.store)
	var ready []staged
	var err error
	for _, p := range all {
		next, stageErr := l.stageMetadata(s, p.table, p.updates)
		if stageErr != nil {
			err = errors.Join(err, fmt.Errorf("write %s: %w", p.table.Name, stageErr))
			continue
		}
		ready = append(ready, staged{base: p.table, next: next, seen: next})
	}
	_, err = l.finish(ctx, s, ready, err, func(tx *Tx, _ []*Table) error {
		if inTx == nil {
			return nil
		}
		return inTx(tx)
	})
	return err
}

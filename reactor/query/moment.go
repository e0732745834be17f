package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// ErrAsOf says that Config.AsOf names nothing.
var ErrAsOf = errors.New("nothing is known by that name")

// moment is when a session reads the lake: a time, and tables of which a snapshot is named.
type moment struct {
	at     time.Time        // zero: now
	pinned map[string]int64 // the snapshots of some tables
}

// moment finds what AsOf names. A tag is that of each table that has it, and the number of a snapshot is one table's: the other
// tables are read as of that snapshot, so that a person need not list them all.
func (c Config) moment(view *lake.View) (moment, error) {
	m := moment{pinned: map[string]int64{}}
	if c.AsOf == "" {
		return m, nil
	}
	number, notNumber := strconv.ParseInt(c.AsOf, 10, 64)
	var newest *table.Snapshot
	for name, t := range view.Tables {
		s := t.Meta.SnapshotByName(c.AsOf)
		if notNumber == nil {
			s = t.Meta.SnapshotByID(number)
		}
		if s == nil {
			continue
		}
		m.pinned[name] = s.SnapshotID
		if newest == nil || s.TimestampMs > newest.TimestampMs {
			newest, m.at = s, time.UnixMilli(s.TimestampMs)
		}
	}
	if newest != nil {
		m.join(view, newest)
		return m, nil
	}
	at, ok := lake.ParseTime(c.AsOf, time.Now())
	if !ok {
		return m, fmt.Errorf("%q is no time (2026-01-31T12:00:00Z, 2026-01-31, yesterday), and no table has a tag or a snapshot of that name: %w", c.AsOf, ErrAsOf)
	}
	m.at = at
	return m, nil
}

// join pins to a snapshot of gold what belongs to it: the silver that it was computed from, and the other gold tables as of the
// same step. Steps of before December 2026 gave each table a time of its own, some milliseconds apart.
func (m moment) join(view *lake.View, s *table.Snapshot) {
	step, ok := lake.OwnNumber(s, "step")
	if !ok {
		return
	}
	for name, t := range view.Tables {
		if _, named := m.pinned[name]; named {
			continue
		}
		if id, ok := lake.OwnNumber(s, name); ok {
			m.pinned[name] = id
			continue
		}
		best := int64(-1)
		for _, other := range t.Meta.Snapshots() {
			if n, ok := lake.OwnNumber(&other, "step"); ok && n <= step && n > best {
				best, m.pinned[name] = n, other.SnapshotID
			}
		}
	}
}

// at is the snapshot of a table that the session sees.
func (s *Session) at(ctx context.Context, t *lake.Table) (*table.Snapshot, error) {
	if name, ok := s.config.Snapshots[t.Name]; ok {
		return t.Find(ctx, name)
	}
	if id, ok := s.moment.pinned[t.Name]; ok {
		return t.SnapshotByID(id)
	}
	if s.moment.at.IsZero() {
		return t.Snapshot(), nil
	}
	return t.SnapshotAsOf(ctx, s.moment.at)
}

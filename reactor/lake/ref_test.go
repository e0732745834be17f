package lake_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"millrace/reactor/lake"
)

func tagsAndRollback(t *testing.T, l *lake.Lake) {
	own := name(t, "a")
	appendRow := func(r row) *lake.Table {
		t.Helper()
		next, err := l.Commit(t.Context(), []lake.Change{change(t, view(t, l).Tables[own], nil, r)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return next[0]
	}
	first := appendRow(row{"x", 600, 1})
	tagged := first.Snapshot()
	if s, err := first.Find(t.Context(), "2020-01-01"); s != nil || err != nil {
		t.Errorf("before the first snapshot there was the empty table: %v, %v", s, err)
	}
	appendRow(row{"y", 600, 2})
	if err := l.Tag(t.Context(), first, "mine", tagged); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a tag on a table that moved on: %v", err)
	}
	if err := l.Tag(t.Context(), view(t, l).Tables[own], "mine", tagged); err != nil {
		t.Fatal(err)
	}
	if err := l.Tag(t.Context(), view(t, l).Tables[own], "mine", tagged); err != nil {
		t.Errorf("the same tag again: %v", err)
	}
	if err := l.Tag(t.Context(), view(t, l).Tables[own], "mine", view(t, l).Tables[own].Snapshot()); !errors.Is(err, lake.ErrTagTaken) {
		t.Errorf("a tag must not move: %v", err)
	}
	untagged := view(t, l).Tables[own].SnapshotID()
	for i := range 45 {
		appendRow(row{fmt.Sprint("z", i), 601, int64(i)})
	}
	now := view(t, l).Tables[own]
	if _, err := now.SnapshotByID(untagged); err == nil {
		t.Error("nothing expired, so that the test shows nothing")
	}
	for _, by := range []string{"mine", fmt.Sprint(tagged.SnapshotID)} {
		if s, err := now.Find(t.Context(), by); err != nil || s.SnapshotID != tagged.SnapshotID {
			t.Errorf("%q finds %v, %v", by, s, err)
		}
	}
	// What was current then is not known any more; to say that it was the empty table would be wrong.
	for _, by := range []string{"yours", "12345", time.UnixMilli(tagged.TimestampMs).UTC().Format(time.RFC3339Nano)} {
		if s, err := now.Find(t.Context(), by); err == nil {
			t.Errorf("%q finds %v", by, s)
		}
	}
	if s, err := now.Find(t.Context(), time.Now().Format(time.RFC3339Nano)); err != nil || s.SnapshotID != now.SnapshotID() {
		t.Errorf("now is %v, %v", s, err)
	}
	if s, err := now.Find(t.Context(), "0"); s != nil || err != nil {
		t.Errorf("0 is the empty table: %v, %v", s, err)
	}

	if err := l.Rollback(t.Context(), first, tagged, nil, nil); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a rollback of a table that moved on: %v", err)
	}
	if err := l.Rollback(t.Context(), now, tagged, map[string]string{"p": "v"}, nil); err != nil {
		t.Fatal(err)
	}
	back := view(t, l).Tables[own]
	wants(t, l, back, row{"x", 600, 1})
	if back.Meta.Properties()["p"] != "v" || back.Meta.LastSequenceNumber() != now.Sequence() || back.Sequence() != tagged.SequenceNumber {
		t.Errorf("after the rollback: properties %v, sequence %d of %d", back.Meta.Properties(), back.Sequence(), back.Meta.LastSequenceNumber())
	}
	if s, err := back.Find(t.Context(), fmt.Sprint(now.SnapshotID())); err != nil || s == nil {
		t.Errorf("the way back forward is gone: %v", err)
	}
	// Most snapshots have expired, so the log alone cannot show that nothing else was current before the rollback. The metadata of
	// that time is still there and does.
	for entry := range back.Meta.SnapshotLogs() {
		if at := time.UnixMilli(entry.TimestampMs - 1); entry.SnapshotID == back.SnapshotID() {
			if s, err := back.SnapshotAsOf(t.Context(), at); err != nil || s.SnapshotID != now.SnapshotID() {
				t.Errorf("before the rollback: %v, %v; want %d", s, err, now.SnapshotID())
			}
		}
	}
	wants(t, l, appendRow(row{"w", 600, 3}), row{"x", 600, 1}, row{"w", 600, 3})

	if err := l.DropTag(t.Context(), view(t, l).Tables[own], "mine"); err != nil {
		t.Fatal(err)
	}
	if err := l.DropTag(t.Context(), view(t, l).Tables[own], "mine"); err == nil {
		t.Error("a tag was dropped twice")
	}
}

func TestNamesOfTags(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "day-2026-01-31": true, "main": false, "12": false, "2026-01-31": false, "": false, "a b": false, "a/b": false, "now": false, "Yesterday": false, "today": false} {
		if err := lake.CheckRefName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestATimeIsReadAsPeopleWriteIt(t *testing.T) {
	now := time.Date(2026, 11, 29, 19, 30, 1, 5e6, time.FixedZone("", 3600))
	for text, want := range map[string]string{
		"now": "2026-11-29T18:30:01.005Z", "today": "2026-11-29T00:00:00Z", "yesterday": "2026-11-28T00:00:00Z", "YESTERDAY": "2026-11-28T00:00:00Z",
		"2026-01-31": "2026-01-31T00:00:00Z", "2026-01-31T12:00:00Z": "2026-01-31T12:00:00Z", "2026-01-31T12:00:00+02:00": "2026-01-31T10:00:00Z",
		"2026-01-31 12:00:00": "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.25": "2026-01-31T12:00:00.25Z", "2026-01-31T12:00": "2026-01-31T12:00:00Z",
		"2026-01-31 12:00": "2026-01-31T12:00:00Z", "2026-01-31 12:00:00+01:00": "2026-01-31T11:00:00Z",
		"tomorrow": "", "31.1.2026": "", "": "", "2026": "",
	} {
		at, ok := lake.ParseTime(text, now)
		if ok != (want != "") || ok && at.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %s, %v; want %s", text, at.Format(time.RFC3339Nano), ok, want)
		}
	}
}

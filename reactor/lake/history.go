package lake

import (
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"
)

// A table keeps its last snapshots, and the last one of each day, later of each month, under a tag. Without an end to it the metadata, which
// each commit reads and writes whole, grows with every commit: after 500 of them a commit took twice as long.
const (
	keptSnapshots = 30
	// expireAt is where expiry begins, so that it is not part of every commit.
	expireAt = keptSnapshots + 10
	// keptDays is for how long each day keeps its tag; of older months only the last tag stays.
	keptDays = 62
)

// expire drops what is older than the last snapshots and not tagged; keep, the snapshot that gold was computed from, and
// all after it stay: without it gold could not tell what has changed since. Files that only dropped snapshots named stay
// until orphans are removed: a reader may still be at them. atOnce is for whoever asks for it.
func expire(tx *table.Transaction, base table.Metadata, keep int64, atOnce bool) error {
	snapshots := base.Snapshots()
	retain := keptSnapshots
	for i, s := range snapshots {
		if s.SnapshotID == keep {
			retain = max(retain, len(snapshots)-i)
		}
	}
	slack := expireAt - keptSnapshots
	if atOnce {
		slack = 1
	}
	if len(snapshots) < retain+slack+tags(base) {
		return nil
	}
	return tx.ExpireSnapshots(table.WithRetainLast(retain), table.WithOlderThan(0), table.WithPostCommit(false))
}

func tags(m table.Metadata) int {
	n := 0
	for _, ref := range m.Refs() {
		if ref.SnapshotRefType == table.TagRef {
			n++
		}
	}
	return n
}

const dayTagPrefix = "day-"

// dayTag names the tag of a snapshot when the next one is of a later UTC day: it was the last of its day.
func dayTag(last, next time.Time) (name string, ok bool) {
	day := last.UTC().Format(time.DateOnly)
	return dayTagPrefix + day, day < next.UTC().Format(time.DateOnly)
}

// tagDay gives the update that tags the base's snapshot as the last of its day, if it is that. A tag that somebody made
// by hand stays.
func tagDay(base *Table, next *table.Snapshot) []table.Update {
	last := base.Snapshot()
	if last == nil || next == nil || next.SnapshotID == last.SnapshotID {
		return nil
	}
	name, ok := dayTag(time.UnixMilli(last.TimestampMs), time.UnixMilli(next.TimestampMs))
	if !ok {
		return nil
	}
	if _, taken := base.ref(name); taken {
		return nil
	}
	return []table.Update{table.NewSetSnapshotRefUpdate(name, last.SnapshotID, table.TagRef, 0, 0, 0)}
}

// untag gives the updates that take the tags off days that are long ago, but for the last one of each month: metadata is
// written whole with each commit, and a tag a day would let it grow for ever.
func untag(base *Table, next *table.Snapshot) []table.Update {
	if next == nil {
		return nil
	}
	before := time.UnixMilli(next.TimestampMs).UTC().AddDate(0, 0, -keptDays)
	lasts := map[string]string{} // by month
	var days []string
	for name, ref := range base.Meta.Refs() {
		day, ok := strings.CutPrefix(name, dayTagPrefix)
		if at, err := time.Parse(time.DateOnly, day); !ok || err != nil || ref.SnapshotRefType != table.TagRef || !at.Before(before) {
			continue
		}
		days = append(days, day)
		lasts[day[:7]] = max(lasts[day[:7]], day)
	}
	var updates []table.Update
	for _, day := range days {
		if lasts[day[:7]] != day {
			updates = append(updates, table.NewRemoveSnapshotRefUpdate(dayTagPrefix+day))
		}
	}
	return updates
}

package lake

import (
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"
)

// A table keeps its last snapshots, and under a tag the last one of each day, later of each month. Each commit reads and writes the
// metadata whole. If all snapshots stayed in it, a commit would take twice as long after 500 of them. Iceberg's own properties of the
// table ask for more: for engines that need longer for a commit than thirty of ours take.
const (
	keptSnapshots = 30
	// expireAt is the number at which expiry begins, so that it is not part of every commit.
	expireAt = keptSnapshots + 10
	// keptDays is how long each day keeps its tag. Of an older month only the last tag stays.
	keptDays = 62
	// mostSnapshots bounds what a property may ask for: a week of a commit a second would be half a gigabyte of metadata.
	mostSnapshots = 1000
)

// retained is how many of the last snapshots stay. keep, the snapshot that gold was computed from, stays with all after it: without it
// gold could not tell what has changed since.
func retained(base table.Metadata, keep int64, now time.Time) int {
	snapshots, properties := base.Snapshots(), base.Properties()
	asked := properties.GetInt(table.MinSnapshotsToKeepKey, 0)
	if age := properties.GetInt64(table.MaxSnapshotAgeMsKey, 0); age > 0 {
		young := slices.IndexFunc(snapshots, func(s table.Snapshot) bool { return now.UnixMilli()-s.TimestampMs <= age })
		if young >= 0 {
			asked = max(asked, len(snapshots)-young+1) // and the one that the commit adds
		}
	}
	n := max(keptSnapshots, min(asked, mostSnapshots))
	if i := slices.IndexFunc(snapshots, func(s table.Snapshot) bool { return s.SnapshotID == keep }); i >= 0 {
		n = max(n, len(snapshots)-i)
	}
	return n
}

// expire drops snapshots that are not retained and have no tag. Files that only dropped snapshots named stay until orphans are removed,
// because a reader may still be reading them. atOnce drops even a single snapshot.
func expire(tx *table.Transaction, base table.Metadata, keep int64, atOnce bool) error {
	snapshots, retain := base.Snapshots(), retained(base, keep, time.Now())
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

// dayTag names the tag of a snapshot. ok tells whether the next one is of a later UTC day, so that this one was the last of its day.
func dayTag(last, next time.Time) (name string, ok bool) {
	day := last.UTC().Format(time.DateOnly)
	return dayTagPrefix + day, day < next.UTC().Format(time.DateOnly)
}

// tagDay returns the update that tags the base's snapshot as the last of its day, if the next one, made at a time, is of a later day.
// A tag that somebody made by hand stays.
func tagDay(base *Table, next *table.Snapshot, at time.Time) []table.Update {
	last := base.Snapshot()
	if last == nil || next == nil || next.SnapshotID == last.SnapshotID {
		return nil
	}
	name, ok := dayTag(time.UnixMilli(last.TimestampMs), at)
	if !ok {
		return nil
	}
	if _, taken := base.ref(name); taken {
		return nil
	}
	return []table.Update{table.NewSetSnapshotRefUpdate(name, last.SnapshotID, table.TagRef, 0, 0, 0)}
}

// untag returns the updates that take the tags off days long before a time, but for the last one of each month. Each commit writes the
// metadata whole, and a tag a day would let it grow for ever.
func untag(base *Table, at time.Time) []table.Update {
	before := at.UTC().AddDate(0, 0, -keptDays)
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

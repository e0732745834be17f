package airflow

import (
	"strconv"

	"millrace/reactor/namespace"

	"millrace/reactor/gold/plan"
)

// Report says which snapshot a gold table has, and what changed.
type Report struct {
	Table      string // gold.<name>
	SnapshotID int64
	Step       int64 // of gold, 0 when another engine wrote the snapshot
	// Days are those whose rows differ from the snapshot Since; Since 0 is the empty table.
	Days  plan.Days
	Since int64

	offered bool // whether it was offered to an Airflow of which no DAG names the table
}

// uri returns the URI of the table's asset in Airflow.
func (r Report) uri(bucket string) string {
	table, _ := namespace.Gold.Cut(r.Table)
	return "s3://" + bucket + "/gold/" + table
}

// then returns one report in place of r and a later one. If another reactor committed in between, nobody here knows what that
// changed, and the later one stands alone.
func (r Report) then(later Report) Report {
	if later.Since == r.SnapshotID {
		later.Since, later.Days = r.Since, r.Days.Union(later.Days)
	}
	return later
}

// snapshot returns the id as text: many read JSON's numbers as doubles, which lose the last digits of 64 bits.
func (r Report) snapshot() string { return snapshotText(r.SnapshotID) }

// snapshotText is empty for no snapshot.
func snapshotText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// manyDays is the number of stretches of days above which an event names only the first and the last day.
const manyDays = 50

// extra returns what a DAG finds in the event; last is the snapshot of the event before it, "" for none. It has days only if
// they are all that changed between the two: a DAG may then work on them alone.
func (r Report) extra(last string) map[string]any {
	extra := map[string]any{"table": r.Table, "snapshot_id": r.snapshot()}
	if r.Step > 0 {
		extra["step"] = r.Step
	}
	hull, some := r.Days.Hull()
	if !some || last != snapshotText(r.Since) {
		return extra
	}
	days := r.Days
	if len(days.Ranges()) > manyDays {
		days = plan.Of(hull)
	}
	extra["days"], extra["first_day"], extra["last_day"] = days.String(), hull.From.String(), hull.To.String()
	return extra
}

package lake

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Names of the totals that Iceberg keeps in a snapshot's summary.
const (
	TotalRows   = "total-records"
	TotalFiles  = "total-data-files"
	TotalBytes  = "total-files-size"
	AddedRows   = "added-records"
	DeletedRows = "deleted-records"

	totalDeletes = "total-delete-files"
)

// Total reads a number that Iceberg keeps in a snapshot's summary; nil for the empty table, and where an engine left the
// number out. TotalRows counts rows that other engines have deleted by files of deletes: Lake.Rows does not.
func Total(s *table.Snapshot, name string) any {
	if s == nil || s.Summary == nil {
		return nil
	}
	n, err := strconv.ParseInt(s.Summary.Properties[name], 10, 64)
	if err != nil {
		return nil
	}
	return n
}

// ownProperties is how the properties begin that millrace writes into a snapshot's summary.
const ownProperties = "millrace."

// Own tells whether millrace made a snapshot.
func Own(s *table.Snapshot) bool { return len(ownNames(s)) > 0 }

// ownNames lists the properties of a snapshot's summary that millrace wrote, without the beginning that they share.
func ownNames(s *table.Snapshot) (names []string) {
	if s.Summary == nil {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(s.Summary.Properties)) {
		if name, ok := strings.CutPrefix(k, ownProperties); ok {
			names = append(names, name)
		}
	}
	return names
}

// MadeBy tells who made a snapshot: what millrace wrote into its summary, or what another engine wrote there of itself. It is "" for
// a snapshot that only wrote rows or manifests anew and says nothing more. What a name with a dot holds is for programs: the pins of a
// step, and the properties that a branch sets when it is published.
func MadeBy(s *table.Snapshot) string {
	var said []string
	for _, name := range ownNames(s) {
		if value := s.Summary.Properties[ownProperties+name]; value != "" && !strings.Contains(name, ".") { // objects that no replay brought have an empty run
			said = append(said, name+"="+value)
		}
	}
	switch {
	case len(said) > 0:
		return strings.Join(said, " ")
	case Own(s):
		return "millrace"
	}
	if s.Summary != nil {
		for _, name := range []string{"engine-name", "engine-version", "app-name", "app-id", "spark.app.id", "created-by"} {
			if value := s.Summary.Properties[name]; value != "" {
				said = append(said, name+"="+value)
			}
		}
	}
	if len(said) > 0 && s.Summary.Properties["iceberg-version"] != "" { // alone it tells of a library
		said = append(said, "iceberg-version="+s.Summary.Properties["iceberg-version"])
	}
	if len(said) == 0 && s.Summary != nil && s.Summary.Operation == table.OpReplace {
		return ""
	}
	if len(said) == 0 {
		return "an engine that does not name itself"
	}
	return strings.Join(said, " ")
}

// RunProperty names, in a snapshot's summary, the replay or repair that made it.
const RunProperty = ownProperties + "run"

// RunOf returns the replay or repair that made a snapshot, "" where it was none.
func RunOf(s *table.Snapshot) string {
	if s == nil || s.Summary == nil {
		return ""
	}
	return s.Summary.Properties[RunProperty]
}

// RepairSummary is what a repair writes into the summaries of its snapshots: the name of the run, and why.
func RepairSummary(run, why string) iceberg.Properties {
	return iceberg.Properties{ownProperties + madeBy: repair, RunProperty: run, ownProperties + "why": why}
}

const (
	madeBy = "made-by"
	repair = "repair"
)

// Repaired tells whether a repair made a snapshot.
func Repaired(s *table.Snapshot) bool {
	return s.Summary != nil && s.Summary.Properties[ownProperties+madeBy] == repair
}

// OwnNumber reads a number that millrace wrote into a snapshot's summary: the step of a gold snapshot, or by the name of a
// silver table its snapshot that gold was computed from.
func OwnNumber(s *table.Snapshot, name string) (n int64, ok bool) {
	if s == nil || s.Summary == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(s.Summary.Properties[ownProperties+name], 10, 64)
	return n, err == nil
}

// IDOf returns the number of a snapshot, 0 for the empty table.
func IDOf(s *table.Snapshot) int64 {
	if s == nil {
		return 0
	}
	return s.SnapshotID
}

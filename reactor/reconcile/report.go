package reconcile

import (
	"fmt"
	"strings"
)

// mentioned is how many objects a line names of those that have the same fault.
const mentioned = 3

// Some names the first of many objects.
func Some(keys []string) string {
	if more := len(keys) - mentioned; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(keys[:mentioned], ", "), more)
	}
	return strings.Join(keys, ", ")
}

// Report says what is wrong with objects that the listing lacks and what mends it: one line for each object that hides others, one
// for objects that were deleted, and one for those that are missing for an unknown reason.
func Report(all []Absent) []string {
	type fault struct {
		hidden bool
		cover  string
	}
	var faults []fault
	keys := map[fault][]string{}
	for _, a := range all {
		f := fault{a.Hidden, a.Cover}
		if keys[f] == nil {
			faults = append(faults, f)
		}
		keys[f] = append(keys[f], a.SourceKey)
	}
	var lines []string
	for _, f := range faults {
		of := keys[f]
		switch {
		case f.cover != "":
			lines = append(lines, Hides(f.cover, len(of), of...))
		case f.hidden:
			lines = append(lines, fmt.Sprintf("the bucket's listing lacks %d objects that exist (%s): look at the object store's log and disk", len(of), Some(of)))
		default:
			what := "1 object version was deleted from bronze and its rows are"
			if n := len(of); n > 1 {
				what = fmt.Sprintf("%d object versions were deleted from bronze and their rows are", n)
			}
			lines = append(lines, fmt.Sprintf("%s still there (%s): `reactor reconcile` removes them", what, Some(of)))
		}
	}
	return lines
}

// Package upkeep keeps tables quick however many commits made them: it merges small files and manifests, and removes what
// no table names any more. It never changes a row.
package upkeep

import (
	"cmp"
	"math/bits"
	"slices"

	"millrace/reactor/lake"
)

const (
	// openFiles is how many files of one size make one of the next size while a month still grows. A row is then written
	// again once for each power of 32 of the month's rows.
	openFiles = 32
	// closedFiles is how many files a month that is over may have. So few cost writing the month again for every seventh
	// late file.
	closedFiles = 8
	// maxBytes is the size from which on a file is left alone.
	maxBytes = 4 << 20
	// maxRows bounds one step, so that it takes a fraction of a second.
	maxRows = 100_000
	// maxFiles bounds one step as well, because each file costs something of its own.
	maxFiles = 256
)

// file is what the choice of files depends on.
type file struct {
	month int    // or the number of the day, hour or year, as the table divides time; 0 where it does not
	part  string // the partition
	rows  int64
	lake  lake.File
}

// choose returns files of one partition that should become one, or none. newest is the last month that has files. Files with
// row-level deletes are left to the engine that made the deletes, and those of a partition spec of before stay as they are.
func choose(t *lake.Table, files []lake.File) []lake.File {
	var small []file
	newest := 0
	for _, f := range files {
		if !f.OfSpec(t) {
			continue
		}
		slot, _ := f.Slot()
		newest = max(newest, slot.Number)
		if f.Bytes() < maxBytes && f.Rows() < maxRows && !f.Deletes() {
			small = append(small, file{month: slot.Number, part: f.Partition(), rows: f.Rows(), lake: f})
		}
	}
	due := groups(small, newest)
	if len(due) == 0 {
		return nil
	}
	return bound(due[0])
}

// groups returns the sets of files to merge, oldest month first.
func groups(small []file, newest int) [][]file {
	type tier struct {
		month, size int
		part        string
	}
	byTier := map[tier][]file{}
	for _, f := range small {
		t := tier{month: f.month, part: f.part}
		if f.month >= newest {
			t.size = bits.Len64(uint64(f.rows)) / 5 // powers of 32
		}
		byTier[t] = append(byTier[t], f)
	}
	var due [][]file
	for t, fs := range byTier {
		if (t.month < newest && len(fs) >= closedFiles) || len(fs) >= openFiles {
			due = append(due, fs)
		}
	}
	slices.SortFunc(due, func(a, b []file) int {
		return cmp.Or(cmp.Compare(a[0].month, b[0].month), cmp.Compare(a[0].rows, b[0].rows))
	})
	return due
}

// bound takes the smallest files, at least two, up to the limits of one step.
func bound(g []file) []lake.File {
	slices.SortFunc(g, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.rows, b.rows), cmp.Compare(a.lake.Path(), b.lake.Path()))
	})
	var rows int64
	var some []lake.File
	for _, f := range g {
		if len(some) >= 2 && (rows+f.rows > maxRows || len(some) == maxFiles) {
			break
		}
		rows += f.rows
		some = append(some, f.lake)
	}
	return some
}

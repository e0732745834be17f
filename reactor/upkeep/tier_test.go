package upkeep

import "testing"

// grow appends commits of a few rows to the running month and merges what is due, as the compactor does.
func grow(commits int, rowsEach int64) (files int, written int64) {
	const month = 600
	var live []file
	for range commits {
		live = append(live, file{month: month, rows: rowsEach})
		for due := groups(live, month); len(due) > 0; due = groups(live, month) {
			var sum int64
			for _, f := range due[0] {
				sum += f.rows
			}
			live = without(live, due[0])
			live = append(live, file{month: month, rows: sum})
			written += sum
		}
	}
	return len(live), written
}

// without takes as many files of each size as there are in gone.
func without(live, gone []file) []file {
	left := map[int64]int{}
	for _, f := range gone {
		left[f.rows]++
	}
	var rest []file
	for _, f := range live {
		if left[f.rows] > 0 {
			left[f.rows]--
			continue
		}
		rest = append(rest, f)
	}
	return rest
}

func TestFilesStayFewAndRowsAreWrittenAFewTimes(t *testing.T) {
	for _, commits := range []int{100, 1_000, 20_000} {
		files, written := grow(commits, 20)
		if files > 3*openFiles {
			t.Errorf("%d commits leave %d files", commits, files)
		}
		if rows := int64(commits) * 20; written > 4*rows {
			t.Errorf("%d commits of %d rows in all wrote %d rows again", commits, rows, written)
		}
	}
}

func TestAMonthThatIsOverBecomesOneFile(t *testing.T) {
	var live []file
	for day := range int64(closedFiles) {
		live = append(live, file{month: 600, rows: 20 << day})
	}
	if due := groups(live, 600); due != nil {
		t.Errorf("files of many sizes of the running month are merged: %v", due)
	}
	due := groups(live, 601)
	if len(due) != 1 || len(due[0]) != closedFiles {
		t.Errorf("due are %v, want all %d files", due, closedFiles)
	}
	if due := groups(live[1:], 601); due != nil {
		t.Errorf("too few files are merged: %v", due)
	}
}

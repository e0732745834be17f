//go:build spark

package spark

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// shown is how many wrong values of a table are shown.
const shown = 5

// exactly compares each table of main, which the reactor has made, with the snapshot that a run of Spark has written, row by row.
// Columns of exact types must be equal. A double may differ by nearDoubles of itself. It logs where bits differ.
func exactly(t *testing.T, l *harness.Stack, run string, tables ...string) {
	t.Helper()
	kinds := columnTypes(t, l)
	for _, table := range tables {
		snapshot := writtenBy(t, l, table, run)
		r := l.RunWithin(t, within, "changes", table, "--from", "main", "--to", fmt.Sprint(snapshot.Snapshot), "--output", "json")
		var changes []map[string]any
		if err := json.Unmarshal([]byte(r.Stdout), &changes); err != nil || r.Code != 0 {
			t.Fatalf("compare %s: %v, %s", table, err, r)
		}
		wrong := 0
		differ, worst := map[string]int{}, map[string]float64{}
		for _, c := range changes {
			if c["change"] != "updated" {
				t.Errorf("%s: Spark has %v: %v", table, c["change"], c)
				break
			}
			for column, before := range c["old"].(map[string]any) {
				off, ok := apart(before, c[column])
				if kinds[table][column] != "double" || !ok || off > nearDoubles {
					if wrong++; wrong <= shown {
						t.Errorf("%s: the reactor has %s %v, Spark has %v: %v", table, column, before, c[column], c)
					}
				}
				differ[column]++
				worst[column] = max(worst[column], off)
			}
		}
		t.Logf("%s: %d rows, %d of them with other bits %s", table, snapshot.TotalRows, len(changes), where(differ, worst))
	}
}

// where says in how many rows the bits of a column differ, and by how much of the value.
func where(differ map[string]int, worst map[string]float64) string {
	var parts []string
	for _, column := range slices.Sorted(maps.Keys(differ)) {
		parts = append(parts, fmt.Sprintf("%s in %d by %.1e", column, differ[column], worst[column]))
	}
	return strings.Join(parts, ", ")
}

// apart tells how far two doubles are from each other, as a part of the greater one; ok is false for what is no number.
func apart(a, b any) (off float64, ok bool) {
	x, okX := a.(float64)
	y, okY := b.(float64)
	if !okX || !okY {
		return 0, false
	}
	if x == y {
		return 0, true // 0 and -0
	}
	return math.Abs(x-y) / max(math.Abs(x), math.Abs(y)), true
}

// writtenBy finds the snapshot of a table that a run of Spark has written.
func writtenBy(t *testing.T, l *harness.Stack, table, run string) harness.Snapshot {
	t.Helper()
	all := l.Snapshots(t, table)
	at := slices.IndexFunc(all, func(s harness.Snapshot) bool {
		return strings.Contains(s.MadeBy, "made-by=spark") && strings.Contains(s.MadeBy, "run="+run)
	})
	if at < 0 {
		t.Fatalf("no snapshot of %s is by run %s of Spark: %v", table, run, all)
	}
	return all[at]
}

// columnTypes are the types of the tables' columns, as `reactor schema` tells them.
func columnTypes(t *testing.T, l *harness.Stack) map[string]map[string]string {
	t.Helper()
	var described struct {
		Tables []struct {
			Name   string
			Schema struct {
				Fields []struct {
					Name string
					Type json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(l.Reactor(t, "schema", "--output", "json")), &described); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]map[string]string{}
	for _, table := range described.Tables {
		kinds[table.Name] = map[string]string{}
		for _, f := range table.Schema.Fields {
			kinds[table.Name][f.Name] = strings.Trim(string(f.Type), `"`)
		}
	}
	return kinds
}

// onlyBranch is the one branch that there is, which must be complete.
func onlyBranch(t *testing.T, l *harness.Stack) (name, run string) {
	t.Helper()
	all := harness.Rows[struct{ Branch, State, Run string }](t, l, "publish")
	if len(all) != 1 || all[0].State != "ready" {
		t.Fatalf("the branches are %v", all)
	}
	return all[0].Branch, all[0].Run
}

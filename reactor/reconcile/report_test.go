package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
)

// One object that hides others was told by a line for each of them.
func TestAbsentObjectsAreToldByOneLineForEachCause(t *testing.T) {
	var all []reconcile.Absent
	for i := range 21 {
		key := fmt.Sprintf("bronze/coincap/history/%02d.json", i)
		all = append(all, reconcile.Absent{Entry: lake.Entry{SourceKey: key}, Hidden: true, Cover: "bronze/coincap/history"})
	}
	all = append(all,
		reconcile.Absent{Entry: lake.Entry{SourceKey: "bronze/coincap/assets/a.json"}, Hidden: true, Cover: "bronze/coincap/assets"},
		reconcile.Absent{Entry: lake.Entry{SourceKey: "bronze/x/deleted.json"}},
		reconcile.Absent{Entry: lake.Entry{SourceKey: "bronze/x/lost.json"}, Hidden: true},
	)
	lines := reconcile.Report(all)
	want := [][]string{
		{"bronze/coincap/history hides 21 objects", "/00.json", "/01.json", "/02.json and 18 more", "`reactor retract bronze/coincap/history`"},
		{"bronze/coincap/assets hides 1 objects", "a.json", "`reactor retract bronze/coincap/assets`"},
		{"1 object version was deleted from bronze", "deleted.json", "`reactor reconcile`"},
		{"lost.json", "log and disk"},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %q", len(lines), len(want), lines)
	}
	for i, texts := range want {
		for _, text := range texts {
			if !strings.Contains(lines[i], text) {
				t.Errorf("line %d does not say %q: %s", i, text, lines[i])
			}
		}
		if strings.Contains(lines[i], "/03.json") || len(lines[i]) > 400 {
			t.Errorf("line %d is long: %s", i, lines[i])
		}
	}
}

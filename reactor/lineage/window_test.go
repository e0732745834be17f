package lineage

import (
	"fmt"
	"maps"
	"testing"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
)

func TestWindowsAddUpLookbacksOnTheWidestWay(t *testing.T) {
	set := &gold.Set{Models: []*gold.Model{
		{Name: "gold.a", Inputs: []string{"silver.x"}, Lookback: 0},
		{Name: "gold.b", Inputs: []string{"gold.a"}, Lookback: 30},
		{Name: "gold.c", Inputs: []string{"gold.a", "gold.b", "silver.y"}, Lookback: 7},
		{Name: "gold.other", Inputs: []string{"silver.x"}, Lookback: 900},
	}}
	got := map[string]string{}
	for _, w := range windows(set, "gold.c", 100) {
		got[w.table] = fmt.Sprint(w.depth, " ", int(w.days.From), "-", int(w.days.To))
	}
	want := map[string]string{"gold.c": "0 100-100", "gold.a": "1 63-100", "gold.b": "1 93-100", "silver.y": "1 93-100", "silver.x": "2 63-100"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if w := windows(set, "gold.gone", plan.Day(5)); len(w) != 1 {
		t.Errorf("a table without a model is made of nothing that is known: %v", w)
	}
}

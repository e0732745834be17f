package main

import (
	"encoding/json"
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

func TestAnUpdateShowsFormerValuesOfWhatChanged(t *testing.T) {
	compared := func(yield func([]any, error) bool) {
		_ = yield([]any{updated, "k", json.Number("2"), nil, "k", json.Number("1"), nil}, nil) &&
			yield([]any{deleted, nil, nil, nil, "d", json.Number("3"), "x"}, nil) &&
			yield([]any{inserted, "i", json.Number("4"), "y", nil, nil, nil}, nil)
	}
	counts := map[string]int{}
	var lines []string
	for line, err := range changed(compared, 3, []string{"key", "n", "text"}, counts) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(line...))
	}
	want := []string{
		fmt.Sprint("updated", "k", json.Number("2"), nil, map[string]any{"n": json.Number("1")}),
		fmt.Sprint("deleted", "d", json.Number("3"), "x", nil), fmt.Sprint("inserted", "i", json.Number("4"), "y", nil),
	}
	if fmt.Sprint(lines) != fmt.Sprint(want) || counts[updated] != 1 || counts[deleted] != 1 || counts[inserted] != 1 {
		t.Errorf("got %v, %v\nwant %v", lines, counts, want)
	}
}

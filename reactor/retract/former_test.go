package retract

import (
	"slices"
	"testing"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
)

// Only tables that may have had the object's rows keep them in former snapshots.
func TestTheTablesThatHadAnObjectsRows(t *testing.T) {
	set := &gold.Set{Models: []*gold.Model{
		{Name: "gold.daily_summary", Inputs: []string{"silver.asset_snapshots", "silver.asset_prices"}},
		{Name: "gold.rankings", Inputs: []string{"gold.daily_summary"}},
		{Name: "gold.points", Inputs: []string{"silver.asset_prices"}},
	}}
	every := []string{"silver.asset_snapshots", "silver.asset_prices", "silver.rejected", "gold.daily_summary", "gold.rankings", "gold.points", "gold.given_up"}
	snapshot := Retracted{Table: "asset_snapshots", Outcome: lake.OutcomeDone}
	for name, tt := range map[string]struct {
		all    []Retracted
		models *gold.Set
		want   []string
	}{
		"a snapshot":            {[]Retracted{snapshot}, set, []string{"silver.asset_snapshots", "silver.rejected", "gold.daily_summary", "gold.rankings", "gold.given_up"}},
		"removed before":        {[]Retracted{{Table: "asset_prices", Outcome: lake.OutcomeRemoved}}, set, []string{"silver.asset_prices", "silver.rejected", "gold.daily_summary", "gold.rankings", "gold.points", "gold.given_up"}},
		"no models can be read": {[]Retracted{snapshot}, nil, []string{"silver.asset_snapshots", "silver.rejected", "gold.daily_summary", "gold.rankings", "gold.points", "gold.given_up"}},
		"a dead letter":         {[]Retracted{{Table: "asset_snapshots", Outcome: lake.OutcomeDead}}, set, nil},
		"an unknown object":     {[]Retracted{{}}, set, nil},
	} {
		concerned := had(tt.all, tt.models)
		got := slices.DeleteFunc(slices.Clone(every), func(table string) bool { return !concerned(table) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

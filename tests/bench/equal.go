package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// comparedTable is what tests/bench/peers/compare.py found in one table.
type comparedTable struct {
	Table string   `json:"table"`
	Rows  int      `json:"rows"`
	Equal bool     `json:"equal"`
	Worst float64  `json:"worst"` // relative difference of two floats
	Why   []string `json:"why"`
}

// equal compares the rows of each peer's tables with the project's: decimals and texts exactly, floats within the
// tolerance that compare.py states.
func (r *race) equal(ctx context.Context) error {
	if err := r.rest(); err != nil {
		return err
	}
	for _, p := range r.chosen() {
		cmd, err := r.lake.python("-m", "peers.compare", r.lake.dir().Catalog(), p.catalog(r.lake))
		if err != nil {
			return err
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("compare the rows of %s: %w\n%s", p.name, err, stderr.String())
		}
		var tables []comparedTable
		if err := json.Unmarshal(out, &tables); err != nil || len(tables) != 6 {
			return fmt.Errorf("compare the rows of %s: answer %s: %w", p.name, out, err)
		}
		rows, worst := 0, 0.
		for _, t := range tables {
			if !t.Equal || t.Rows == 0 {
				return fmt.Errorf("%s of %s is not what millrace has, in %d rows: %s", t.Table, p.name, t.Rows, strings.Join(t.Why, "; "))
			}
			rows, worst = rows+t.Rows, max(worst, t.Worst)
		}
		r.log("the rows are equal", "system", p.name, "rows", rows, "worst float", fmt.Sprintf("%.1e", worst))
		r.report.Equal[p.name] = rows
	}
	return ctx.Err()
}

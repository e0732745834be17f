package gold

import (
	"context"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// inHalves does work on some days, and on halves of them if DuckDB has not the memory for all. Nothing tells beforehand what a query
// needs: an ordered list takes 48 KB for each group of more than 16 rows. calm, unless nil, is waited for before the first half:
// a query beside it may have the memory, and then even one day may not fit.
func inHalves(ctx context.Context, days plan.Days, calm func(context.Context) error, work func(plan.Days) error) error {
	err := work(days)
	if !duck.OutOfMemory(err) {
		return err
	}
	n := days.Len()
	if calm != nil {
		if err := calm(ctx); err != nil {
			return err
		}
		if n == 1 {
			return work(days)
		}
	}
	if n == 1 {
		return err
	}
	for _, half := range days.Chunks((n + 1) / 2) {
		if err := inHalves(ctx, half, calm, work); err != nil {
			return err
		}
	}
	return nil
}

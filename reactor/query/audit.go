package query

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// Audit runs every audit over gold as it is committed now, on some days.
func Audit(ctx context.Context, l *lake.Lake, set *gold.Set, days plan.Range) (findings []gold.Finding, err error) {
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range set.Models {
		if view.Tables[m.Name] == nil {
			return nil, fmt.Errorf("audit gold: the table of model %s (%s) is not there yet: `reactor run` makes it", m.Name, m.File)
		}
	}
	err = committed(l, view, set, days).Over(ctx, func(conn *duck.Conn) error {
		findings, err = set.Audit(ctx, conn, plan.Of(days))
		return err
	})
	return findings, err
}

// committed is gold as the view shows it, beside the silver that it was computed from: silver may be ahead. Like a commit,
// an audit sees the rows of its days and of as many before them as the models look back.
func committed(l *lake.Lake, view *lake.View, set *gold.Set, days plan.Range) Reading {
	read, lookback := map[string]bool{}, 0
	for _, in := range set.Inputs {
		read[in.Name] = true
	}
	for _, m := range set.Models {
		read[m.Name], lookback = true, max(lookback, m.Lookback)
	}
	return Reading{
		Lake: l, View: view, Filled: func(name string) bool { return read[name] },
		Months: lake.Months{Lo: (days.From - plan.Day(lookback)).Month(), Hi: days.To.Month()},
		At: func(t *lake.Table) (*table.Snapshot, error) {
			if pin, ok := view.Pins.Tables[t.Name]; ok {
				return t.SnapshotByID(pin.SnapshotID)
			}
			return t.Snapshot(), nil
		},
	}
}

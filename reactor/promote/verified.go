package promote

import (
	"context"
	"fmt"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// A user's model says in its header which days it reads. A step that computes all days of the model verifies that and notes it in
// the table, so a start with verified models costs nothing. Few days prove little: whenever there are twice as many days, the
// model is computed whole and verified again.

// verifiedProperty names the property of a gold table that holds the digest of the model whose lookback was verified, and the
// number of days that it was verified over.
const verifiedProperty = "millrace.model-verified"

type verification struct {
	digest string
	days   int
}

func (v verification) String() string { return fmt.Sprintf("%s %d", v.digest, v.days) }

func verificationOf(t *lake.Table) (v verification) {
	_, _ = fmt.Sscan(t.Meta.Properties()[verifiedProperty], &v.digest, &v.days) // without the property it stays empty
	return v
}

// verifyAgain has models computed whole if silver has twice as many days as they were verified over.
func verifyAgain(c plan.Change, view *lake.View, set *gold.Set) {
	days := silverDays(c, set)
	for _, m := range set.Models {
		if m.Ours || c.Rebuild[m.Name] {
			continue
		}
		if days >= max(1, 2*verificationOf(view.Tables[m.Name]).days) {
			c.Rebuild[m.Name] = true
		}
	}
}

// verify checks the lookbacks of the models that were computed whole.
func (w *work) verify(ctx context.Context) error {
	for _, m := range w.set.Models {
		if w.rebuild[m.Name] && !m.Ours && !w.mending.unverifiable(m.Name) {
			over := w.cfg.Deaths.computing(m)
			err := w.set.VerifyLookback(ctx, w.conn, w.plan, m)
			over()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// silverDays counts the days from silver's first to its last.
func silverDays(c plan.Change, set *gold.Set) int {
	days := 0
	for _, in := range set.Inputs {
		days = max(days, c.Present[in.Name].Len())
	}
	return days
}

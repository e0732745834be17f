package promote

import (
	"context"
	"fmt"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// A user's model says in its header which days it reads. A step that computes all days of it holds it to that, and remembers
// so in the table: a start with models that are verified costs nothing. Few days prove little, so a model is verified again,
// which computes all of its days, whenever there are twice as many.

// verifiedProperty of a gold table says of which model, by its digest, the lookback was verified, and over how many days.
const verifiedProperty = "millrace.model-verified"

type verification struct {
	digest string
	days   int
}

func (v verification) String() string { return fmt.Sprintf("%s %d", v.digest, v.days) }

func verificationOf(t *lake.Table) (v verification) {
	_, _ = fmt.Sscan(t.Meta.Properties()[verifiedProperty], &v.digest, &v.days) // of no model where there is none
	return v
}

// verifyAgain adds models to those that are computed whole, when silver has twice as many days as they were verified over.
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

// verify holds the models that were computed whole to their lookbacks.
func (w *work) verify(ctx context.Context) error {
	for _, m := range w.set.Models {
		if w.rebuild[m.Name] && !m.Ours && !w.mending.unverifiable(m.Name) {
			if err := w.set.VerifyLookback(ctx, w.conn, w.plan, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// silverDays is how many days silver has, holes among them.
func silverDays(c plan.Change, set *gold.Set) int {
	days := 0
	for _, in := range set.Inputs {
		days = max(days, c.Present[in.Name].Len())
	}
	return days
}

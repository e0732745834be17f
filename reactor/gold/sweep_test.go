package gold

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

var sweepAll = flag.Bool("sweep", false, "try every window that people write, in place of some of them")

// sweepStep is how many windows `go test` leaves out after each that it tries. It has no factor with the numbers of parts, so that each
// part has its turn.
const sweepStep = 37

// windows are models with every function over every partition, order and frame, by what they say of their lookback. Most are wrong.
func windows() (all []string) {
	for _, function := range []string{"max(high)", "sum(n_samples::decimal(18, 0))", "avg(close::decimal(38, 18))", "first_value(close)", "last_value(close)",
		"lag(close)", "lead(close)", "row_number()", "rank()", "arg_max(close, (day, asset_id))"} {
		for _, partition := range []string{"", "partition by asset_id", "partition by day", "partition by asset_id, date_trunc('week', day)"} {
			for _, order := range []string{"", "order by day", "order by close, asset_id, day"} {
				for _, frame := range []string{"", "rows between 3 preceding and current row", "range between interval 3 days preceding and current row", "rows between unbounded preceding and current row",
					"rows between current row and 1 following"} {
					for _, lookback := range []string{"3 days", "all"} {
						over := strings.Join(strings.Fields(partition+" "+order+" "+frame), " ")
						all = append(all, fmt.Sprintf("%sselect asset_id, day, %s over (%s) as x from gold.daily_summary\n", declared(lookback), function, over))
					}
				}
			}
		}
	}
	return all
}

// A window is refused at load, or fails on real rows, or every day of it is the same from its lookback alone as from everything. A model
// that is taken and is none of these made wrong rows, and nobody knew.
func TestAWindowIsRefusedOrFailsOrIsRight(t *testing.T) {
	samples := randomSamples(rand.New(rand.NewPCG(7, 1)), 4, 40)
	c := workplace(t, loaded(t), duck.Config{Threads: 1})
	load(t, c, samples)
	computeAll(t, loaded(t), c, span(samples))
	adopt(t, loaded(t), c)
	var refused, failed, right int
	all := windows()
	step := sweepStep
	if *sweepAll {
		step = 1
	}
	for n := 0; n < len(all); n += step {
		err := tried(t, c, all[n], span(samples))
		var refusal *Refusal
		var failure *Failure
		switch {
		case err == nil:
			right++
		case errors.As(err, &refusal) && strings.Contains(err.Error(), "mine.sql:"):
			refused++
		case errors.As(err, &failure) && failure.Unverified && failure.Line > 0:
			failed++
		default:
			t.Errorf("window %d: %v\n%s", n, err, all[n])
		}
	}
	t.Logf("%d windows: %d refused, %d fail on rows, %d are right", refused+failed+right, refused, failed, right)
	if refused == 0 || failed == 0 || right == 0 {
		t.Error("this test shows nothing")
	}
}

// tried loads a model, computes it over days of gold.daily_summary, and verifies it as the first start does, then by every day. A day that
// differs only there is an error of its own kind.
func tried(t *testing.T, c *duck.Conn, text string, days plan.Range) error {
	s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"mine.sql": text}))
	if err != nil {
		return err
	}
	exec(t, c, resetSpan+"; drop table if exists old_gold.mine")
	m, _ := s.Model("gold.mine")
	exec(t, c, m.CreateTable("old_gold."+m.Table()))
	p, err := s.Plan(plan.Change{Rebuild: map[string]bool{"gold.mine": true}, Present: allPresent(s, days)})
	if err != nil {
		return err
	}
	if err := s.Compute(t.Context(), c, p, nil); err != nil {
		return err
	}
	if err := s.VerifyLookback(t.Context(), c, p, m); err != nil {
		return err
	}
	for day := days.From; day <= days.To; day++ {
		if err := s.verifyDay(t.Context(), c, m, trial{m.SQL, day, "a day that was not verified"}); err != nil {
			return fmt.Errorf("it is taken, and %s is wrong: %v", day, err)
		}
	}
	return nil
}

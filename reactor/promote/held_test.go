package promote

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"millrace/reactor/event"
)

// counts fails on a day with more than 127 samples of all assets. after works as long as counts does.
const (
	counts = `-- model: gold.counts
-- grain: day
-- lookback: 0 days
select day,
    sum(n_samples::int)::tinyint::int as n
from gold.daily_summary group by day
`
	after = `-- model: gold.after
-- grain: day
-- lookback: 0 days
select day, n + 1 as m from gold.counts
`
	beside = `-- model: gold.beside
-- grain: day
-- lookback: 0 days
select day, count(*) as n from gold.daily_summary group by day
`
	// broken passes DuckDB 1.x's planner and then ends the database with an INTERNAL Error.
	broken = `-- model: gold.broken
-- grain: asset_id, day
-- lookback: 0 days
select asset_id, day, cume_dist(order by close desc) over (partition by day order by asset_id, day rows between 3 following and 1 following) as c
from gold.daily_summary
`
)

// dead fails the test unless an error is a dead letter of class Model whose reason has all given texts.
func (w *workshop) dead(err error, says ...string) {
	w.Helper()
	var dead *event.DeadError
	if !errors.As(err, &dead) || dead.Class != event.Model {
		w.Fatalf("the error is no dead letter of a model: %v", err)
	}
	for _, text := range says {
		if !strings.Contains(dead.Reason, text) {
			w.Errorf("the dead letter does not say %q: %s", text, dead.Reason)
		}
	}
}

func (w *workshop) failed() error {
	w.Helper()
	view, err := w.lake.View(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return Failed(view)
}

func TestAModelThatFailsHoldsItsTableAndThoseBelowAndNoOther(t *testing.T) {
	w := openWorkshop(t, "counts.sql", counts, "after.sql", after, "beside.sql", beside)
	w.days("2026-01-20", 20, "bitcoin", "tether")
	w.bring()
	heldTables := []string{"gold.counts", "gold.after"}
	ids := map[string]int64{}
	for _, name := range heldTables {
		ids[name] = w.table(name).SnapshotID()
		if n := len(w.rows(name, "day", "true")); n != 20 {
			t.Fatalf("%s has %d rows", name, n)
		}
	}
	w.prices(`select 'dust' as asset_id, timestamptz '2026-02-10 00:00:00+00' + to_minutes(m::int) as observed_at, 1 as price_usd from range(200) x(m)`)
	w.dead(w.gold.Bring(t.Context()), "counts.sql:5: gold.counts", "Conversion Error", "stays as it was", "mend the model")
	check := func(what string) {
		t.Helper()
		for _, name := range heldTables {
			if w.table(name).SnapshotID() != ids[name] {
				t.Errorf("%s: %s did not stay as it was", what, name)
			}
		}
		for _, name := range []string{"gold.daily_summary", "gold.beside", "gold.market_summary"} {
			if n := len(w.rows(name, "day", "day = '2026-02-10'")); n != 1 {
				t.Errorf("%s: %s has %d rows of the day, want 1: it must go on", what, name, n)
			}
		}
		if err := w.failed(); err == nil || !strings.Contains(err.Error(), "counts.sql") || strings.Contains(err.Error(), "gold.after") {
			t.Errorf("%s: readiness says %v", what, err)
		}
	}
	check("at first")
	if err := w.gold.Bring(t.Context()); err != nil {
		t.Errorf("the same failure is told twice: %v", err)
	}
	w.days("2026-02-11", 1, "bitcoin")
	if err := w.gold.Bring(t.Context()); err != nil {
		t.Errorf("a step beside a failure that is known: %v", err)
	}
	check("after another step")
	w.dead(w.gold.bring(t.Context(), true), "counts.sql") // as `dlq retry` does
	w.start()
	if err := w.gold.Bring(t.Context()); err != nil {
		t.Errorf("a start with a failure that is known: %v", err)
	}
	check("after a start")
	view, err := w.lake.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if up, err := w.gold.Preview(t.Context(), view); err != nil || len(up) != 2 || !up[0].Rebuild || !strings.Contains(up[0].Why, "tried again") {
		t.Errorf("the preview: %+v, %v", up, err)
	}

	w.model("counts.sql", strings.Replace(counts, "::tinyint", "", 1))
	w.start()
	w.bring()
	if err := w.failed(); err != nil {
		t.Errorf("the model is mended, and readiness says %v", err)
	}
	w.same("mended", w.rows("gold.counts", "day, n", "day >= '2026-02-08'"), []string{"2026-02-08 2", "2026-02-10 200", "2026-02-11 1"})
	w.same("below mended", w.rows("gold.after", "day, m", "day >= '2026-02-08'"), []string{"2026-02-08 3", "2026-02-10 201", "2026-02-11 2"})
}

func TestAModelWhoseRowsAreMendedIsTriedAgainByItself(t *testing.T) {
	w := openWorkshop(t, "counts.sql", strings.Replace(counts, "from gold.daily_summary", "from gold.daily_summary where asset_id <> 'tether' or close < 200", 1), "after.sql", after)
	w.prices(`select 'dust' as asset_id, timestamptz '2026-02-10 00:00:00+00' + to_minutes(m::int) as observed_at, 1 as price_usd from range(100) x(m)
		union all select 'tether', timestamptz '2026-02-10 00:00:00+00' + to_minutes(m::int), 1 from range(100) x(m)`)
	w.dead(w.gold.Bring(t.Context()), "counts.sql")
	w.prices(`select 'tether' as asset_id, timestamptz '2026-02-10 23:59:00+00' as observed_at, 1000 as price_usd`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.gold.TryAgain(ctx) }()
	for begun := time.Now(); w.failed() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 5*time.Minute { // the next try waits for a share of the time that the step took, which a busy machine makes long
			t.Fatal("the model is not tried again")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.same("mended", w.rows("gold.counts", "day, n", "true"), []string{"2026-02-10 100"})
	w.same("below", w.rows("gold.after", "day, m", "true"), []string{"2026-02-10 101"})
}

func TestAModelThatEndsTheDatabaseIsNotRunTwice(t *testing.T) {
	w := openWorkshop(t, "beside.sql", beside)
	w.days("2026-01-20", 20, "a", "bb", "ccc", "dddd", "eeeee")
	w.bring()
	w.model("broken.sql", broken)
	w.start()
	w.dead(w.gold.Bring(t.Context()), "broken.sql", "INTERNAL Error")
	select {
	case <-w.db.Ended():
	default:
		t.Fatal("nobody hears of the end of the database")
	}
	// This is the reactor's next start, with a new database.
	w.start()
	w.days("2026-02-10", 1, "a")
	w.bring()
	select {
	case <-w.db.Ended():
		t.Fatal("the model was run once more")
	default:
	}
	if n := len(w.rows("gold.beside", "day", "day = '2026-02-10'")); n != 1 {
		t.Errorf("the other models do not go on: %d rows", n)
	}
	if err := w.failed(); err == nil || !strings.Contains(err.Error(), "broken.sql") {
		t.Errorf("readiness says %v", err)
	}
	view, err := w.lake.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if up, err := w.gold.Preview(t.Context(), view); err != nil || len(up) != 1 || !up[0].Held || !strings.Contains(up[0].Why, "until the model's file changes") {
		t.Errorf("the preview: %+v, %v", up, err)
	}
	w.model("broken.sql", strings.Replace(broken, "rows between 3 following and 1 following", "rows between 3 preceding and current row", 1))
	w.start()
	w.bring()
	if n := len(w.rows("gold.broken", "day", "true")); n != 101 {
		t.Errorf("the mended model has %d rows, want 101", n)
	}
}

func TestATableWhoseModelIsGoneIsMarked(t *testing.T) {
	w := openWorkshop(t, "counts.sql", counts, "beside.sql", beside)
	w.days("2026-01-20", 3, "bitcoin")
	w.bring()
	if got := StateOf(w.table("gold.beside")); got != "" {
		t.Errorf("a table that is kept up is %q", got)
	}
	w.model("beside.sql", "")
	w.start()
	w.bring() // no row of silver has changed
	for name, want := range map[string]string{"gold.beside": "gone", "gold.counts": "", "gold.rankings": "", "silver.asset_prices": ""} {
		if got := StateOf(w.table(name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if n := len(w.rows("gold.beside", "day", "true")); n != 3 {
		t.Errorf("its rows are not there any more: %d", n)
	}
}

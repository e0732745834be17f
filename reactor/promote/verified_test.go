package promote

import (
	"strings"
	"testing"
)

// window returns a model that reads its day and the 13 days before.
func window(lookback string) string {
	return "-- model: gold.window\n-- grain: asset_id, day\n-- lookback: " + lookback + "\n" +
		"select asset_id, day, min(low) over (partition by asset_id order by day range between interval 13 days preceding and current row) as lowest from gold.daily_summary\n"
}

func TestAWrongLookbackIsFoundOnRealRowsAndHoldsItsTable(t *testing.T) {
	w := openWorkshop(t, "window.sql", window("6 days"), "beside.sql", beside)
	w.days("2026-01-01", 5, "a", "bb")
	w.bring() // five days show nothing
	if n := len(w.rows("gold.window", "day", "true")); n != 10 {
		t.Fatalf("%d rows", n)
	}
	w.days("2026-01-06", 25, "a", "bb")
	w.dead(w.gold.Bring(t.Context()), "window.sql:3: gold.window", "the 6 days of its lookback", "lowest", "-- lookback: all")
	if n := len(w.rows("gold.beside", "day", "true")); n != 30 {
		t.Errorf("the other models have %d days, want 30", n)
	}
	if err := w.failed(); err == nil || !strings.Contains(err.Error(), "window.sql:3") {
		t.Errorf("readiness says %v", err)
	}
	w.model("window.sql", window("13 days"))
	w.start()
	w.bring()
	if n := len(w.rows("gold.window", "day", "true")); n != 60 {
		t.Errorf("the mended model has %d rows, want 60", n)
	}
}

func TestAVerifiedModelCostsAStartNothing(t *testing.T) {
	w := openWorkshop(t, "window.sql", window("13 days"))
	w.days("2026-01-01", 40, "a")
	w.bring()
	at := w.table("gold.window").Location
	w.start()
	w.bring()
	view, err := w.lake.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if up, err := w.gold.Preview(t.Context(), view); err != nil || len(up) != 0 || w.table("gold.window").Location != at {
		t.Errorf("a start with nothing new does %+v, %v", up, err)
	}
	w.days("2026-02-10", 1, "a") // a step of one day reads no more than its lookback
	w.bring()
	if got := w.table("gold.window").Meta.Properties()[verifiedProperty]; !strings.HasSuffix(got, " 40") {
		t.Errorf("verified again too soon: %q", got)
	}
}

func TestALookbackOfAllIsKeptUp(t *testing.T) {
	const highs = "-- model: gold.highs\n-- grain: asset_id, day\n-- lookback: all\nselect asset_id, day, max(high) over (partition by asset_id order by day) as highest from gold.daily_summary\n"
	w := openWorkshop(t, "highs.sql", highs)
	w.days("2026-01-01", 40, "a")
	w.bring()
	w.prices("select 'a' as asset_id, timestamptz '2026-01-10 12:00:00+00' as observed_at, 1000 as price_usd")
	w.bring()
	for where, want := range map[string]int{"highest = 1000": 31, "highest < 1000": 9} {
		if n := len(w.rows("gold.highs", "day", where)); n != want {
			t.Errorf("%d days with %s, want %d", n, where, want)
		}
	}
}

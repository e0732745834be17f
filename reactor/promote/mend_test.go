package promote

import (
	"fmt"
	"testing"

	"github.com/apache/iceberg-go"
)

// A model that was verified while it did not matter how far it looks back. There are not twice as many days since, so no step verifies
// it again, and each makes a wrong row.
func TestMendingComputesAModelWithAWrongLookbackFromAllDays(t *testing.T) {
	w := openWorkshop(t, "window.sql", window("6 days"))
	price := func(day, price int) {
		t.Helper()
		w.prices(fmt.Sprintf("select 'a' as asset_id, timestamptz '2026-01-%02d 00:00:00+00' as observed_at, %d as price_usd", day, price))
	}
	for day := 1; day <= 14; day++ {
		price(day, 100-day)
	}
	w.bring()
	for day := 15; day <= 24; day++ {
		price(day, 100+day)
		w.bring()
	}
	lowest := func(want int) {
		t.Helper()
		if got := w.rows("gold.window", "day, lowest::integer", "day = date '2026-01-24'"); len(got) != 1 || got[0] != fmt.Sprint("2026-01-24 ", want) {
			t.Errorf("the last day has %v, want %d", got, want)
		}
	}
	lowest(118) // of the 6 days before
	before := w.table("gold.daily_summary").SnapshotID()
	if err := w.gold.Mend(t.Context(), []string{"gold.window"}, iceberg.Properties{"millrace.made-by": "repair"}); err != nil {
		t.Fatal(err)
	}
	lowest(86) // of the 13 days before
	if w.table("gold.daily_summary").SnapshotID() != before {
		t.Error("a table that was right has another snapshot")
	}
	if made := w.table("gold.window").Snapshot().Summary.Properties; made["millrace.made-by"] != "repair" || made[stepProperty] == "" {
		t.Errorf("the snapshot says %v", made)
	}
	price(25, 125)
	w.dead(w.gold.Bring(t.Context()), "window.sql:3: gold.window", "the 6 days of its lookback")
	lowest(86)
	if err := w.gold.Mend(t.Context(), []string{"gold.rankings"}, nil); err != nil {
		t.Errorf("a model that is not to be mended is held, and the others are not mended: %v", err)
	}
	if err := w.failed(); err == nil {
		t.Error("the model is not held any more")
	}
}

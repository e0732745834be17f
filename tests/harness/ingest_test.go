package harness_test

import (
	"strings"
	"testing"

	"millrace/tests/harness"
)

func TestTheFirstStartEndsInGoldAndTheSecondDoesNotIngestAgain(t *testing.T) {
	const running = "Ctrl-C stops it"
	harness.Program(t, "ingestor") // `up` runs it from beside the stack
	s := harness.Start(t, harness.WithArgs("--no-ingest=false", "--days", "40", "--top", "3"))
	s.Shows(t, running)
	for _, want := range []string{"rank", "bitcoin", "return_30d_pct"} {
		if !strings.Contains(s.Process().Stdout(), want) {
			t.Errorf("the first ingest does not show %s: %s", want, s.Process().Stdout())
		}
	}
	landed := s.Objects(t, "bronze/")
	if len(landed) != 4 {
		t.Errorf("want the history of 3 coins and a snapshot in bronze: %v", landed)
	}
	const sql = "select asset_id, count(*) as days, count(return_30d) as returns from gold.rolling_averages group by all order by all"
	rows := harness.Query[struct{ Days, Returns int }](t, s, sql)
	if len(rows) != 3 {
		t.Fatalf("want 3 coins in gold: %v", rows)
	}
	for _, row := range rows {
		if row.Days < 40 || row.Returns < 10 {
			t.Errorf("gold lacks days: %+v", row)
		}
	}

	s.Stop(t)
	s.Restart(t)
	s.Shows(t, running)
	if !strings.Contains(s.Process().Stdout(), "rankings") {
		t.Errorf("the second start does not list the tables: %s", s.Process().Stdout())
	}
	if again := s.Objects(t, "bronze/"); len(again) != len(landed) {
		t.Errorf("the second start ingested again: %d objects, then %d", len(landed), len(again))
	}
}

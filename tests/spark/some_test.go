//go:build spark

package spark

import (
	"strings"
	"testing"

	"millrace/tests/harness"
)

// weekly is the model of the README.
const weekly = `-- model: gold.weekly_high
-- grain: asset_id, day
-- lookback: 6 days
select today.asset_id, today.day, max(week.high) as high_7d
from gold.daily_summary as today
join gold.daily_summary as week on week.asset_id = today.asset_id and week.day between today.day - 6 and today.day
group by today.asset_id, today.day
`

// strange is a model that nobody has compared between the two engines.
const strange = `-- model: gold.names
-- grain: asset_id, day
-- lookback: 0 days
select asset_id, day, strftime(day, '%A') as name
from gold.daily_summary
`

// Spark brings some days and some tables again, a user's own among them, and everything is what the reactor had made of it.
func TestSparkBringsSomeDaysAgainAndChangesNothing(t *testing.T) {
	models := harness.NewModels(t)
	models.Write(t, "weekly_high.sql", weekly)
	models.Write(t, "names.sql", strange)
	l := harness.Start(t, harness.WithoutReactor())
	folder, list := generate(t, python(t))
	reactor := l.StartReactor(t, models.Env())
	put(t, l, folder, list)
	l.AwaitLedger(t, len(list))
	l.Settled(t)
	reactor.StopInOrder(t)
	all := append([]string{"gold.weekly_high", "gold.names"}, harness.Tables...)
	before := l.Contents(t, all...)

	env := environment(t, l, l.StartIceberg(t, nil), "local[2]")
	said := run(t, env, "again", "--from", "2025-05-01", "--to", "2025-06-10", "--models", models.Dir, "--publish",
		"--tables", "silver.asset_snapshots,silver.asset_prices,gold.daily_summary,gold.weekly_high,gold.names")
	t.Log(lines(said))
	if !strings.Contains(said, "gold.names is left to the reactor: nobody has compared DuckDB's") {
		t.Error("rebuild.py does not say which model does not translate")
	}
	l.SameContents(t, "after Spark brought some days again", before)
	for _, table := range []string{"silver.asset_prices", "gold.weekly_high"} {
		snapshots := l.Snapshots(t, table)
		if by := snapshots[len(snapshots)-1].MadeBy; !strings.Contains(by, "made-by=spark") {
			t.Errorf("the last snapshot of %s is by %q", table, by)
		}
	}
	l.StartReactor(t, models.Env())
	l.Settled(t)
	l.CheckEqual(t, models.Env())
	l.SameContents(t, "after the reactor went on", before)
}

package delivery_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/harness/engine"
)

// foreignFaults are what other engines do to tables that they take for theirs. tests/interop does the same and more with Spark,
// PyIceberg and DuckDB.
func foreignFaults() []fault {
	return slices.Concat(foreignSchemas(), foreignTables(), foreignRows())
}

// by does something as another engine and returns when more objects have come through.
func by(do func(context.Context, *engine.Client) error) func(testing.TB, *lab, *harness.Load, *rand.Rand) string {
	return func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
		l.asAnother(t, do)
		l.flows(t, ld, 20)
		return ""
	}
}

func (l *lab) asAnother(t testing.TB, do func(context.Context, *engine.Client) error) {
	t.Helper()
	e, err := engine.Open(t.Context(), l.Catalog(), l.Vars(t, "owner"))
	if err == nil {
		err = do(t.Context(), e)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func foreignSchemas() []fault {
	return []fault{
		{name: "another engine adds a column to gold", sees: "nothing; the column stays, and is null where millrace writes", draw: true,
			inject: by(func(ctx context.Context, e *engine.Client) error {
				return e.AddColumn(ctx, "gold.daily_summary", "remark")
			})},
		{name: "another engine moves a column of gold to the front", sees: "nothing",
			inject: by(func(ctx context.Context, e *engine.Client) error { return e.MoveFirst(ctx, "gold.rankings", "rank") })},
		{name: "another engine adds a column to silver", sees: "nothing; the column stays, and is null where millrace writes",
			inject: by(func(ctx context.Context, e *engine.Client) error {
				return e.AddColumn(ctx, "silver.asset_snapshots", "note")
			})},
		{name: "another engine expires all snapshots but the last", sees: "nothing; time travel begins there",
			inject: by(func(ctx context.Context, e *engine.Client) error {
				for _, table := range []string{"silver.asset_snapshots", "gold.rankings", "gold.daily_summary"} {
					if err := e.Expire(ctx, table); err != nil {
						return err
					}
				}
				return nil
			})},
	}
}

func foreignTables() []fault {
	return []fault{
		{name: "another engine makes a table in a namespace of its own", sees: "nothing; what is not millrace's is left alone",
			inject: by(func(ctx context.Context, e *engine.Client) error { return e.Create(ctx, "analytics.t") })},
		{name: "another engine drops a table of gold", sees: "the reactor makes that table anew, and touches no other", draw: true,
			inject: by(func(ctx context.Context, e *engine.Client) error { return e.Drop(ctx, "gold.market_summary") })},
		{name: "another engine renames a table of gold", sees: "the reactor makes the table anew; what it was stays under its new name",
			inject: by(func(ctx context.Context, e *engine.Client) error {
				return e.Rename(ctx, "gold.rankings", "gold.rankings_before")
			})},
	}
}

func foreignRows() []fault {
	const sees = "`reactor check` names the rows, the snapshot, who made it, and the command that mends it, which is run here"
	wound := func(table string, do func(context.Context, *engine.Client) error) func(testing.TB, *lab, *harness.Load, *rand.Rand) string {
		return func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
			// Days of the load are computed again and again, and with them what was taken from gold; its histories come again, and
			// with them what was taken from silver.
			l.PutAndWait(t, coin.AssetsKey("still.json"), coin.Assets(coin.Day(time.March, 1), coin.Asset("still", "1", "1"), coin.Asset("other", "2", "1")), nil)
			l.PutAndWait(t, coin.HistoryKey("still_d1_1.json"), coin.Points(coin.Point(coin.Day(time.March, 1), "1")), nil)
			l.asAnother(t, do)
			l.flows(t, ld, 5)
			command := l.mends(t, table)
			l.runs(t, command)
			return "mended by `" + command + "`"
		}
	}
	row := `{"asset_id":"nobody","observed_at":"2025-05-27 12:00:00Z","price_usd":"1.5","source_key":"nobody.json","source_version":"none","source_row":0,"source_modified_at":"2025-05-27 12:00:00Z","ingest_date":"2025-05-27"}`
	return []fault{
		{name: "another engine inserts a row into silver", sees: sees,
			inject: wound("silver.asset_snapshots", func(ctx context.Context, e *engine.Client) error {
				return e.Append(ctx, "silver.asset_snapshots", row)
			})},
		{name: "another engine deletes rows of silver", sees: sees,
			inject: wound("silver.asset_prices", func(ctx context.Context, e *engine.Client) error {
				return e.Delete(ctx, "silver.asset_prices", "asset_id", "still")
			})},
		{name: "another engine deletes rows of gold", sees: sees,
			inject: wound("gold.rankings", func(ctx context.Context, e *engine.Client) error {
				return e.Delete(ctx, "gold.rankings", "asset_id", "still")
			})},
	}
}

// mends is the command that `reactor check` prints for a table that another engine has changed.
func (l *lab) mends(t testing.TB, table string) string {
	t.Helper()
	v := harness.Verdicts(t, l.Run(t, "reactor", "check", "--output", "json"), 1)[table]
	if v.Mends == "" {
		t.Fatalf("reactor check names no command that mends %s: %+v", table, v)
	}
	return v.Mends
}

// runs runs a command of the reactor's as a user who copies it does.
func (l *lab) runs(t testing.TB, command string) {
	t.Helper()
	if r := l.Shell(t, "reactor", command); r.Code != 0 {
		t.Fatalf("%s: %s", command, r)
	}
}

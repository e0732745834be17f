//go:build interop

package interop_test

import (
	"slices"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// wound is something that an engine writes and that bronze does not give.
type wound struct {
	name, table string
	statement   string         // Spark's
	row         map[string]any // in its place, a row that is appended; what it does not name is null
	names       string         // what `reactor check` must name in its first wrong rows
}

// origin is what each row of silver must have, of an object that nobody put.
func origin(row map[string]any) map[string]any {
	for name, value := range map[string]any{"source_key": "bronze/coincap/assets/ingest_date=2025-06-30/nobody.json", "source_version": "none", "source_row": "0",
		"source_modified_at": "2025-08-20T12:00:00Z", "ingest_date": "2025-08-20"} {
		if row[name] == nil {
			row[name] = value
		}
	}
	return row
}

func wounds() []wound {
	const snapshots, prices, ranks, days = "silver.asset_snapshots", "silver.asset_prices", "gold.rankings", "gold.daily_summary"
	const august = "observed_at >= timestamp '2025-08-10' and observed_at < timestamp '2025-08-12'"
	return []wound{
		{name: "a row inserted into silver", table: snapshots, row: origin(map[string]any{"asset_id": "nobody", "observed_at": "2025-08-20T12:00:00Z", "price_usd": "1.5"}), names: "nobody 2025-08-20"},
		{name: "a second row of a key, that would win for ever", table: prices,
			row:   origin(map[string]any{"asset_id": "bitcoin", "interval": "d1", "observed_at": "2025-08-10T00:00:00Z", "price_usd": "1", "source_modified_at": "2099-01-01T00:00:00Z"}),
			names: "bitcoin d1 2025-08-10"},
		{name: "a price changed in silver", table: prices, statement: "update lakehouse.silver.asset_prices set price_usd = 1 where asset_id = 'ethereum' and " + august, names: "ethereum d1 2025-08-10"},
		{name: "a row deleted from silver", table: prices, statement: "delete from lakehouse.silver.asset_prices where asset_id = 'tether' and " + august, names: "tether d1 2025-08-10"},
		{name: "an old day changed in gold", table: days, statement: "update lakehouse.gold.daily_summary set close = 7 where asset_id = 'bitcoin' and day = date '2025-07-10'", names: "bitcoin 2025-07-10"},
		{name: "an old day deleted from gold", table: ranks, statement: "delete from lakehouse.gold.rankings where day = date '2025-07-11'", names: "bitcoin 2025-07-11"},
		{name: "a row inserted into gold", table: "gold.market_summary", row: map[string]any{"day": "2024-02-29", "n_assets": "1", "advancers": "0", "decliners": "0"}, names: "2024-02-29"},
	}
}

// Each wound is named by `reactor check`: the table, the first keys, the day, the snapshot and who made it; and the command that it prints
// mends the table, while objects arrive.
func TestEachWoundIsNamedAndMended(t *testing.T) {
	l := begin(t)
	for _, e := range []engine{spark41, spark35} {
		spark := e.open(t, l.Lake, "owner", "spark-jdbc")
		for _, w := range wounds() {
			t.Run(e.name+": "+w.name, func(t *testing.T) {
				w.inflict(t, l, spark)
			})
		}
	}
}

func (w wound) inflict(t *testing.T, l *lake, spark *session) {
	before := l.sizes(t)
	if w.row != nil {
		spark.write(t, "append", with{"table": w.table, "row": w.row})
	} else {
		spark.sql(t, w.statement)
	}
	made := l.Snapshots(t, w.table)
	if !slices.ContainsFunc(made, func(s harness.Snapshot) bool { return strings.Contains(s.MadeBy, "engine-name=spark") }) {
		t.Errorf("the snapshots of %s do not say which one Spark made: %+v", w.table, made)
	}
	v := l.check(t, true)[w.table] // before the table's last snapshots, which are thirty, are all of the reactor's
	l.goesOn(t)
	if v.Equal || !strings.Contains(v.FirstWrong, w.names) {
		t.Errorf("%s: check says %+v, and does not name %s", w.table, v, w.names)
	}
	if !strings.Contains(v.MadeBy, "engine-name=spark") || v.Snapshot == 0 || v.Day == "" || v.Mends == "" {
		t.Errorf("%s: check does not name Spark, the snapshot, the day or what mends it: %+v", w.table, v)
	}
	l.mend(t, v.Mends)
	l.goesOn(t)
	l.check(t, false)
	for table, n := range l.sizes(t) {
		if n < before[table] {
			t.Errorf("%s has %d rows after it had %d", table, n, before[table])
		}
	}
}

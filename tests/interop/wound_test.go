//go:build interop

package interop_test

import (
	"fmt"
	"strings"
	"testing"
)

// wound is something that an engine writes and that bronze does not give.
type wound struct {
	name, table string
	statement   string // Spark's
	names       string // what `reactor check` must name in its first wrong rows
}

// A row of nobody's, in silver and in gold; what it does not name is null.
const (
	nobodysRow = `select 'nobody' as asset_id, timestamp '2025-08-20 12:00:00' as observed_at, 1.5 as price_usd, 'bronze/coincap/assets/ingest_date=2025-06-30/nobody.json' as source_key,
		'none' as source_version, 0L as source_row, timestamp '2025-08-20 12:00:00' as source_modified_at, date '2025-08-20' as ingest_date`
	columnsOfSilver = "(asset_id, observed_at, price_usd, source_key, source_version, source_row, source_modified_at, ingest_date)"
)

func wounds() []wound {
	const snapshots, prices, ranks, days = "silver.asset_snapshots", "silver.asset_prices", "gold.rankings", "gold.daily_summary"
	const august = "observed_at >= timestamp '2025-08-10' and observed_at < timestamp '2025-08-12'"
	return []wound{
		{"a row inserted into silver", snapshots, "insert into lakehouse.silver.asset_snapshots " + columnsOfSilver + " " + nobodysRow, "nobody 2025-08-20"},
		{"a row inserted into silver that would win for ever", prices, `insert into lakehouse.silver.asset_prices
			select * except (price_usd, source_modified_at), price_usd + 1 as price_usd, timestamp '2099-01-01' as source_modified_at from lakehouse.silver.asset_prices
			where asset_id = 'bitcoin' and ` + august + " and day(observed_at) = 10", "bitcoin d1 2025-08-10"},
		{"a price changed in silver", prices, "update lakehouse.silver.asset_prices set price_usd = 1 where asset_id = 'ethereum' and " + august, "ethereum d1 2025-08-10"},
		{"a row deleted from silver", prices, "delete from lakehouse.silver.asset_prices where asset_id = 'tether' and " + august, "tether d1 2025-08-10"},
		{"an old day changed in gold", days, "update lakehouse.gold.daily_summary set close = 7 where asset_id = 'bitcoin' and day = date '2025-07-10'", "bitcoin 2025-07-10"},
		{"an old day deleted from gold", ranks, "delete from lakehouse.gold.rankings where day = date '2025-07-11'", "bitcoin 2025-07-11"},
		{"a row inserted into gold", "gold.market_summary", "insert into lakehouse.gold.market_summary select * replace (date '2024-02-29' as day) from lakehouse.gold.market_summary where day = date '2025-07-12'", "2024-02-29"},
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
	spark.sql(t, w.statement)
	l.goesOn(t)
	v := l.check(t, true)[w.table]
	if v.Equal || !strings.Contains(v.FirstWrong, w.names) {
		t.Errorf("%s: check says %+v, and does not name %s", w.table, v, w.names)
	}
	if !strings.Contains(v.Foreign, "engine-name=spark") {
		t.Errorf("%s: check does not name Spark: %+v", w.table, v)
	}
	l.mend(t, v.Mends)
	l.goesOn(t)
	l.check(t, false)
	for table, n := range l.sizes(t) {
		if n < before[table] {
			t.Errorf("%s has %d rows after it had %d", table, n, before[table])
		}
	}
	made := ""
	for _, s := range l.Snapshots(t, w.table) {
		made += fmt.Sprintln(s.Snapshot, s.Operation, s.MadeBy)
	}
	if !strings.Contains(made, "spark") {
		t.Errorf("the snapshots of %s do not say which one Spark made:\n%s", w.table, made)
	}
}

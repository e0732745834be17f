//go:build interop

package interop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
)

// rested is an engine that opens the lake by the REST catalog.
type rested struct {
	engine
	block string
	// signs is what it is called in the snapshots that it makes.
	signs string
	// cannot are the abilities that it does not have. A call for one, where its file in engines/ has any, must be refused; one that it
	// turns out to have fails the test.
	cannot []ability
	// flat: it appends to tables without a map alone.
	flat bool
	// emptyMaps: it reads null maps as empty ones.
	emptyMaps bool
}

var all = []rested{
	{engine: pyiceberg, block: "pyiceberg", signs: "PyIceberg"},
	{engine: spark41, block: "spark", signs: "spark"},
	{engine: spark35, block: "spark", signs: "spark"},
	{engine: engine{"DuckDB 1.5.5", "duck", ""}, block: "duckdb", signs: "duckdb", cannot: []ability{atTag, deletes, branches}},
	{engine: engine{"Polars 2.1", "polars", ""}, block: "polars", signs: "PyIceberg", flat: true, cannot: []ability{merges, deletes, grows, branches}},
	{engine: engine{"Daft 0.6", "daft", ""}, block: "daft", signs: "PyIceberg", cannot: []ability{merges, deletes, grows, branches}},
	{engine: engine{"ClickHouse 26.9 (chDB 4.4)", "clickhouse", ""}, block: "clickhouse", emptyMaps: true, signs: "ClickHouse", cannot: []ability{atTag, appends, merges, deletes, branches}},
	{engine: engine{"Sail 0.7", "sail", "spark41"}, block: "sail", cannot: []ability{appends, merges, deletes, grows, branches}},
}

// Each engine opens the lake by its block of docs/interop.md and does what the table there says, while objects arrive.
func TestEachEngineReadsAndWritesByItsBlock(t *testing.T) {
	l := begin(t)
	s, tables := seen{}, l.pin(t)
	broom := pyiceberg.open(t, l.Lake, "owner", "pyiceberg")
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			e.work(t, l, broom, tables, s)
		})
	}
	if !t.Failed() {
		s.hold(t, all)
	}
}

// work lets an engine do everything. The broom takes away what an engine leaves that fails half way.
func (e rested) work(t *testing.T, l *lake, broom *session, tables []pinned, s seen) {
	session := e.open(t, l.Lake, "owner", e.block)
	e.readAll(t, session, tables, s)
	e.travel(t, l, session, s)
	e.write(t, l, session, broom, s)
	e.grow(t, l, session, s)
	e.branchOff(t, l, session, s)
	l.goesOn(t)
	l.check(t, false)
}

// can tells whether an engine is said to have an ability. Where it is not, the call is tried, and has to be refused.
func (e rested) can(t *testing.T, session *session, s seen, a ability, call string, arguments with) bool {
	t.Helper()
	if !slices.Contains(e.cannot, a) {
		s.note(e.name, a, "yes")
		return true
	}
	s.note(e.name, a, "no")
	if _, err := session.try(call, arguments); err == nil {
		t.Errorf("%s can do what the document says it cannot: %s", e.name, a)
	} else {
		t.Logf("%s: %s: %.800v", e.name, a, err)
	}
	return false
}

// pinned is a state of all tables that has a tag, and what `reactor query` reads of it.
type pinned struct {
	table, tag string
	snapshot   int64
	want       found
}

// pin keeps the state of all tables, for all engines to read.
func (l *lake) pin(t *testing.T) (all []pinned) {
	t.Helper()
	for _, table := range harness.Tables {
		tag, snapshot := l.tag(t, table)
		all = append(all, pinned{table, tag, snapshot, own(t, l.Lake, table, "--snapshot", table+"="+tag)})
	}
	return all
}

func (e rested) readAll(t *testing.T, session *session, tables []pinned, s seen) {
	for _, p := range tables {
		e.compare(t, session, p, with{"snapshot": p.snapshot})
	}
	s.note(e.name, reads, "yes")
	s.note(e.name, atSnapshot, "yes")
}

// compare holds what an engine reads of a past state against what `reactor query` read of it. Columns that engines have added since are no
// part of it.
func (e rested) compare(t *testing.T, session *session, p pinned, when with) {
	t.Helper()
	want, got := p.want, session.read(t, p.table, when).only(p.want.Columns)
	if e.emptyMaps {
		want = want.withoutNullMaps()
	}
	if a, b := want.text(t), got.text(t); a != b {
		t.Errorf("%s reads other rows of %s at %v than reactor query:\n%s", e.name, p.table, when, harness.Difference(a, b))
	}
}

// travel reads a state that is past.
func (e rested) travel(t *testing.T, l *lake, session *session, s seen) {
	const table = "gold.rankings"
	p := pinned{table: table}
	p.tag, p.snapshot = l.tag(t, table)
	p.want = own(t, l.Lake, table, "--snapshot", table+"="+p.tag)
	at := ""
	for _, made := range l.Snapshots(t, table) {
		if made.Snapshot == p.snapshot {
			at = made.CommittedAt.UTC().Format("2006-01-02 15:04:05.000")
		}
	}
	l.goesOn(t)
	if e.can(t, session, s, atTime, "read", with{"table": table, "at": at}) {
		e.compare(t, session, p, with{"at": at})
	}
	if e.can(t, session, s, atTag, "read", with{"table": table, "tag": p.tag}) {
		e.compare(t, session, p, with{"tag": p.tag})
	}
}

// write appends a row to silver, changes it and deletes it. Gold follows each time. While the row is there `reactor check` names it.
func (e rested) write(t *testing.T, l *lake, session, broom *session, s seen) {
	table, key := "silver.asset_snapshots", []string{"asset_id", "observed_at"}
	id := "by-" + e.block + e.extra
	row := func(price string) map[string]any {
		return origin(map[string]any{"asset_id": id, "observed_at": "2025-08-21T12:00:00Z", "price_usd": price, "market_cap_usd": "12345678901234567890.123456789012345678"})
	}
	if e.flat {
		table, key = "silver.asset_prices", []string{"asset_id", "interval", "observed_at"}
		row = func(price string) map[string]any {
			return origin(map[string]any{"asset_id": id, "interval": "d1", "observed_at": "2025-08-21T00:00:00Z", "price_usd": price, "circulating_supply": "12345678901234567890.123456789012345678"})
		}
	}
	t.Cleanup(func() { // an engine that fails half way leaves the next one no row
		if t.Failed() {
			_, _ = broom.try("delete", with{"table": table, "column": "asset_id", "value": id})
		}
	})
	price := ""
	if e.can(t, session, s, appends, "append", with{"table": table, "row": row("0.0000000000000000000000000001")}) {
		session.write(t, "append", with{"table": table, "row": row("0.0000000000000000000000000001")})
		price = "0.0000000000000000000000000001"
		l.hasClose(t, id, price)
	}
	if e.can(t, session, s, merges, "merge", with{"table": table, "row": row("2.5"), "key": key}) {
		session.write(t, "merge", with{"table": table, "row": row("2.5"), "key": key})
		price = "2.5000000000000000000000000000"
		l.hasClose(t, id, price)
	}
	l.goesOn(t)
	v := l.check(t, price != "")[table]
	if price != "" && (v.Equal || !strings.Contains(v.FirstWrong, id+" ") || !strings.Contains(v.MadeBy, "engine-name="+e.signs) || v.Mends == "") {
		t.Errorf("check does not name the row of %s and who made it: %+v", e.name, v)
	}
	victim := id
	if price == "" { // an engine that cannot append could have left nothing, and a deletion of nothing is never refused
		victim = "full"
	}
	if e.can(t, session, s, deletes, "delete", with{"table": table, "column": "asset_id", "value": victim}) {
		session.write(t, "delete", with{"table": table, "column": "asset_id", "value": victim})
	} else if price != "" {
		l.mend(t, v.Mends)
	}
	l.hasClose(t, id, "")
}

// hasClose waits until gold shows an asset's closing price, or none.
func (l *lake) hasClose(t *testing.T, id, price string) {
	t.Helper()
	want := "close\n"
	if price != "" {
		want += price + "\n"
	}
	var got string
	for deadline := time.Now().Add(harness.Patience); got != want; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gold shows %q of %s, want %q", got, id, want)
		}
		got = l.CSV(t, fmt.Sprintf("select close::varchar as close from gold.daily_summary where asset_id = '%s'", id))
	}
}

// grow adds a column to silver and one to gold. Both stay.
func (e rested) grow(t *testing.T, l *lake, session *session, s seen) {
	column := "by_" + strings.ReplaceAll(e.block, "-", "_") + e.extra
	if !e.can(t, session, s, grows, "add_column", with{"table": "silver.asset_prices", "column": column}) {
		return
	}
	for _, table := range []string{"silver.asset_prices", "gold.rankings"} {
		session.write(t, "add_column", with{"table": table, "column": column})
		l.goesOn(t)
		if names := l.columns(t, table); !slices.Contains(names, column) {
			t.Errorf("%s has lost the column %s of %s: %v", table, column, e.name, names)
		}
	}
}

// branchOff writes to a branch. The table itself does not change.
func (e rested) branchOff(t *testing.T, l *lake, session *session, s seen) {
	const table = "silver.asset_prices"
	name := "of_" + strings.ReplaceAll(e.block, "-", "_") + e.extra
	if !e.can(t, session, s, branches, "branch", with{"table": table, "name": name}) {
		return
	}
	before := l.Count(t, "select count(*)::integer as n from "+table)
	session.write(t, "branch", with{"table": table, "name": name})
	row := origin(map[string]any{"asset_id": "branched", "interval": "d1", "observed_at": "2025-08-22T00:00:00Z", "price_usd": "1"})
	rows := string(session.do(t, "append_to_branch", with{"table": table, "name": name, "row": row}))
	l.goesOn(t)
	after := l.CSV(t, "select count(*)::integer as n from "+table+" where asset_id = 'branched'")
	if rows == fmt.Sprint(before) || after != "n\n0\n" {
		t.Errorf("a row in the branch %s of %s: the branch has %s rows, the table had %d, and the table shows %q", name, table, rows, before, after)
	}
}

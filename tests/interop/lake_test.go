//go:build interop

// Package interop_test drives other people's engines against a lake into which objects come all the time: they read, they write,
// they change schemas and drop tables. What they open the lake with is the block of docs/interop.md itself.
package interop_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// lake is a stack with rows of every type, and a load that goes on.
type lake struct {
	*harness.Stack
	load  *harness.Load
	still sync.Once
	puts  int
	tags  int
}

// begin starts one.
func begin(t *testing.T, options ...harness.Option) *lake {
	t.Helper()
	l := &lake{Stack: harness.Start(t, options...)}
	l.Ingest(t, "history", "--from", "2025-06-01", "--to", "2025-08-31", "--assets", "bitcoin,ethereum,tether")
	l.Ingest(t, "snapshot")
	// Every type, with nulls, with an empty list and an empty map, digits that a double would lose, and a field without a column.
	l.PutAndWait(t, coin.AssetsKey("types.json"), coin.Assets(coin.Day(time.June, 3),
		`{"id":"full","rank":"7","symbol":"ÿ","name":"Náme 日本 'quoted'","supply":"12345678901234567890.123456789012345678","maxSupply":"0.000000000000000001","marketCapUsd":"999999999999999.999999999999999999","volumeUsd24Hr":"0","priceUsd":"1234567890.1234567890123456789012345678","changePercent24Hr":"-99.999999999999999999","vwap24Hr":"0.0000000000000000000000000001","explorer":"https://example.org/?a=b&c=\"d\"","tokens":{"1":["0xA","0xB"],"56":[]},"unknown":{"deep":[1,2.50]}}`,
		`{"id":"empty","rank":null,"priceUsd":null,"tokens":{}}`, `{"id":"refused","priceUsd":"-1"}`), nil)
	l.load = l.StartLoad(t, 1, 7)
	t.Cleanup(l.quiet)
	return l
}

// quiet ends the load.
func (l *lake) quiet() { l.still.Do(l.load.Stop) }

// goesOn puts an object and returns when it is in gold; the reactor must be ready.
func (l *lake) goesOn(t *testing.T) {
	t.Helper()
	l.puts++
	at := coin.Day(time.July, 1).Add(time.Duration(l.puts) * time.Hour)
	l.PutAndWait(t, coin.AssetsKey(fmt.Sprintf("goes-on-%d.json", l.puts)), coin.Assets(at, coin.Asset("bitcoin", fmt.Sprint(1000+l.puts), "5"), coin.Asset(fmt.Sprintf("new-%d", l.puts), "1", "1")), nil)
	got := l.CSV(t, fmt.Sprintf("select close::integer as c from gold.daily_summary where asset_id = 'new-%d'", l.puts))
	if got != "c\n1\n" {
		t.Errorf("an object that came afterwards is in gold as %q", got)
	}
}

// tag gives the current snapshot of a table a name, so that it stays, and returns both.
func (l *lake) tag(t *testing.T, table string) (name string, snapshot int64) {
	t.Helper()
	l.tags++
	name = fmt.Sprintf("seen-%d", l.tags)
	l.Reactor(t, "tag", table, name)
	for _, s := range harness.Rows[struct {
		Snapshot int64
		Refs     string
	}](t, l, "snapshots", table) {
		if slices.Contains(strings.Fields(s.Refs), name) {
			snapshot = s.Snapshot
		}
	}
	return name, snapshot
}

// check runs `reactor check` and gives its lines; wrong says whether tables must differ.
func (l *lake) check(t *testing.T, wrong bool) map[string]harness.Verdict {
	t.Helper()
	code := 0
	if wrong {
		code = 1
	}
	return harness.Verdicts(t, l.Run(t, "reactor", "check", "--output", "json"), code)
}

// mend runs a command that `reactor check` has printed, in a shell, as a user who copies it would.
func (l *lake) mend(t *testing.T, command string) {
	t.Helper()
	if command == "" {
		t.Fatal("reactor check names no command that mends the table")
	}
	if r := l.Shell(t, "reactor", command); r.Code != 0 {
		t.Fatalf("%s: %s", command, r)
	}
}

// sizes are the rows of each table.
func (l *lake) sizes(t *testing.T) map[string]int {
	t.Helper()
	var parts []string
	for _, table := range harness.Tables {
		parts = append(parts, fmt.Sprintf("select '%[1]s' as name, count(*)::integer as n from %[1]s", table))
	}
	n := map[string]int{}
	for _, row := range harness.Query[struct {
		Name string
		N    int
	}](t, l, strings.Join(parts, " union all ")) {
		n[row.Name] = row.N
	}
	return n
}

// columns are the names of a table's columns.
func (l *lake) columns(t *testing.T, table string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(l.CSV(t, "select column_name from (describe from "+table+")")), "\n")
	return lines[1:]
}

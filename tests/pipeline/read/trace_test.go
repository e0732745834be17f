package read_test

import (
	"strings"
	"testing"

	"millrace/tests/harness"
)

// traceLine is a line of `reactor trace`.
type traceLine struct {
	Depth                                int
	Kind, Table, Name                    string
	Rows, Others                         *int
	From, To, Model, Digest, Object, Run *string
	SourceRows                           []int   `json:"source_rows"`
	RequestURL                           *string `json:"request_url"`
	FetchedAt                            *string `json:"fetched_at"`
	Event, Outcome                       *string
	Snapshot                             *int64
	Values                               map[string]any
}

// lineage is what `reactor trace` says of a row.
type lineage []traceLine

func trace(t *testing.T, s *harness.Stack, row ...string) lineage {
	t.Helper()
	return harness.Rows[traceLine](t, s, append([]string{"trace"}, row...)...)
}

func (l lineage) find(kind, table string) (found []traceLine) {
	for _, line := range l {
		if line.Kind == kind && line.Table == table {
			found = append(found, line)
		}
	}
	return found
}

// traced follows rows of a lake back to what was landed. The ingestor filled it with a history of five coins and a snapshot.
func traced(t *testing.T, s *harness.Stack, history, snapshot []harness.Landed) {
	t.Helper()
	bitcoin := ""
	for _, l := range history {
		if strings.Contains(l.Key, "/bitcoin_") {
			bitcoin = l.Key
		}
	}
	tracedRanking(t, s, bitcoin)
	tree := s.Reactor(t, "trace", "gold.rankings", "bitcoin", "2025-06-30")
	for _, want := range []string{"row gold.rankings bitcoin 2025-06-30", "└ model gold.rankings", "· └ rows gold.daily_summary", "· └ model gold.daily_summary", "object " + bitcoin, "done, from http"} {
		if !strings.Contains(tree, want) {
			t.Errorf("the tree lacks %q:\n%s", want, tree)
		}
	}
	// A day of the whole market, and a row of silver.
	day := harness.Query[struct{ Day string }](t, s, "select max(day)::varchar as day from gold.market_summary")[0].Day
	if got := trace(t, s, "gold.market_summary", day).find("object", "silver.asset_snapshots"); len(got) != 1 || *got[0].Object != snapshot[0].Key || len(got[0].SourceRows) != 5 {
		t.Errorf("the market's day: %+v", got)
	}
	lines := trace(t, s, "silver.asset_prices", "bitcoin", "d1", "2025-06-30")
	if got := lines.find("object", "silver.asset_prices"); len(lines) != 2 || len(got) != 1 || *got[0].Object != bitcoin || len(got[0].SourceRows) != 1 {
		t.Errorf("a row of silver: %+v", lines)
	}
	for args, code := range map[string]int{
		"gold.rankings nobody 2025-06-30": 1, "gold.rankings bitcoin": 2, "gold.rankings bitcoin June": 2, "gold.nothing x": 1, "gold.rankings": 2,
		"silver.asset_prices bitcoin d1 2025-06-30T01:00:00Z": 1,
	} {
		if r := s.Run(t, "reactor", append([]string{"trace"}, strings.Fields(args)...)...); r.Code != code || r.Stdout != "" {
			t.Errorf("trace %s: want exit code %d: %s", args, code, r)
		}
	}
}

// tracedRanking follows a row of gold.rankings to bitcoin's history, the one object that it was made of.
func tracedRanking(t *testing.T, s *harness.Stack, bitcoin string) {
	t.Helper()
	lines := trace(t, s, "gold.rankings", "bitcoin", "2025-06-30")
	if row := lines.find("row", "gold.rankings"); len(row) != 1 || row[0].Values["asset_id"] != "bitcoin" || row[0].Values["day"] != "2025-06-30" || row[0].Snapshot == nil || *row[0].Snapshot == 0 {
		t.Errorf("the row: %+v", row)
	}
	for table, file := range map[string]string{"gold.rankings": "rankings.sql", "gold.daily_summary": "daily_summary.sql"} {
		if m := lines.find("model", table); len(m) != 1 || !strings.HasSuffix(*m[0].Model, file) || len(*m[0].Digest) != 64 {
			t.Errorf("the model of %s: %+v", table, m)
		}
	}
	const between = "observed_at >= '2025-06-23' and observed_at < '2025-07-01'"
	own := s.Count(t, "select count(*) as n from silver.asset_prices where asset_id = 'bitcoin' and "+between)
	all := s.Count(t, "select count(*) as n from silver.asset_prices where "+between)
	if got := lines.find("rows", "silver.asset_prices"); len(got) != 1 || *got[0].Rows != own || *got[0].Others != all-own || own < 2 || *got[0].From != "2025-06-23" || *got[0].To != "2025-06-30" {
		t.Errorf("rows of silver: %+v, want %d and %d others", got, own, all-own)
	}
	objects := lines.find("object", "silver.asset_prices")
	if len(objects) != 1 {
		t.Fatalf("one object has bitcoin's history: %+v", objects)
	}
	o := objects[0]
	if o.Object == nil || *o.Object != bitcoin || len(o.SourceRows) != own || o.RequestURL == nil || !strings.Contains(*o.RequestURL, "/assets/bitcoin/history") ||
		o.FetchedAt == nil || o.Event == nil || len(*o.Event) != 64 || o.Outcome == nil || *o.Outcome != "done" || o.Snapshot == nil || *o.Snapshot == 0 {
		t.Errorf("the object of bitcoin's history (%s): %+v", bitcoin, o)
	}
	if got := lines.find("object", "silver.asset_snapshots"); len(got) != 0 {
		t.Errorf("the snapshot is of another time: %+v", got)
	}
}

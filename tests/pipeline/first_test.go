package pipeline_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"millrace/tests/stack"
)

// landed is a line of what the ingestor prints.
type landed struct {
	Items   int
	Outcome string
	Key     string
}

// ingest runs the ingestor and waits until what it put is in gold.
func ingest(t testing.TB, s *stack.Stack, args ...string) []landed {
	t.Helper()
	r := s.Run(t, "ingestor", append(args, "--output", "json")...)
	var list []landed
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != 0 || len(list) == 0 {
		t.Fatalf("ingestor %s: %v, %s", strings.Join(args, " "), err, r)
	}
	var keys []string
	for _, l := range list {
		keys = append(keys, l.Key)
	}
	s.Wait(t, keys...)
	return list
}

func TestHistoryAndSnapshotFromTheIngestorToGold(t *testing.T) {
	s := stack.Start(t)
	ids := []string{"bitcoin", "ethereum", "tether", "xrp", "solana"}
	history := ingest(t, s, "history", "--from", "2025-05-02", "--to", "2025-06-30", "--assets", strings.Join(ids, ","))
	n := 0
	for _, l := range history {
		n += l.Items
	}
	// The simulator leaves holes as CoinCap does, so the ingestor's own count is what has to arrive.
	if len(history) != len(ids) || n < 280 || n > 5*60 {
		t.Fatalf("the ingestor landed %d points in %d objects", n, len(history))
	}
	days := count(t, s, "select count(distinct day) as n from gold.daily_summary")
	want := func(what string, perAsset, perDay int, flags ...string) {
		t.Helper()
		expected := map[string]int{"gold.daily_summary": perAsset, "gold.rolling_averages": perAsset, "gold.rankings": perAsset, "gold.market_summary": perDay}
		if got := sizes(t, s, flags...); !maps.Equal(got, expected) {
			t.Errorf("%s: gold has rows %v, want %v", what, got, expected)
		}
	}
	want("after the history", n, days)
	before := map[string]snapshot{}
	for _, table := range goldTables {
		all := snapshots(t, s, table)
		before[table] = all[len(all)-1]
	}
	last := before["gold.daily_summary"]
	for _, b := range before {
		if b.CommittedAt.After(last.CommittedAt) {
			last = b
		}
	}

	time.Sleep(5 * time.Millisecond) // an instant between two commits, for --as-of
	list := ingest(t, s, "snapshot", "--top", "5")
	if len(list) != 1 || list[0].Items != 5 {
		t.Fatalf("the ingestor landed %+v", list)
	}
	want("after the snapshot", n+5, days+1)
	want("as of the time before the snapshot", n, days, "--as-of", last.CommittedAt.Format(time.RFC3339Nano))
	flags := []string{}
	for table, b := range before {
		flags = append(flags, "--snapshot", fmt.Sprintf("%s=%d", table, b.Snapshot))
	}
	want("at the snapshots before", n, days, flags...)
	want("before there was anything", 0, 0, "--as-of", "2020-01-01")

	verdicts := checkEqual(t, s)
	if verdicts["silver.asset_prices"].Rows != n || verdicts["silver.asset_snapshots"].Rows != 5 || verdicts["silver.rejected"].Rows != 0 {
		t.Errorf("silver has other rows than were landed: %+v", verdicts)
	}
	for table, id := range current(t, s) {
		if b, ok := before[table]; ok && id == b.Snapshot {
			t.Errorf("%s is still at the snapshot of before", table)
		}
	}
	same(t, s)
	traced(t, s, history, list)

	for flags, want := range map[string]int{
		"--dataset coincap/history": len(ids), "--dataset coincap/assets": 1, "--key " + history[0].Key: 1,
		"--from 2020-01-01": len(ids) + 1, "--to 2020-01-01": 0, "--dataset coincap/candles": 0,
	} {
		replayed := rows[struct{ Events int }](t, s, append([]string{"replay", "--wait"}, strings.Fields(flags)...)...)
		if len(replayed) != 1 || replayed[0].Events != want {
			t.Errorf("replay %s: %v events, want %d", flags, replayed, want)
		}
	}
}

// sizes are the numbers of rows in gold's tables.
func sizes(t testing.TB, s *stack.Stack, flags ...string) map[string]int {
	t.Helper()
	var parts []string
	for _, table := range goldTables {
		parts = append(parts, fmt.Sprintf("select '%[1]s' as name, count(*) as n from %[1]s", table))
	}
	n := map[string]int{}
	for _, row := range query[struct {
		Name string
		N    int
	}](t, s, strings.Join(parts, " union all "), flags...) {
		n[row.Name] = row.N
	}
	return n
}

// same asks for one result in each format: they have to tell the same.
func same(t *testing.T, s *stack.Stack) {
	t.Helper()
	const sql = "select asset_id, day, close, source, n_samples, market_cap_usd from gold.daily_summary where asset_id = 'bitcoin' order by day desc limit 3"
	objects := query[struct {
		AssetID      string `json:"asset_id"`
		Day          string
		Close        json.Number
		Source       string
		NSamples     int          `json:"n_samples"`
		MarketCapUSD *json.Number `json:"market_cap_usd"`
	}](t, s, sql)
	records, err := csv.NewReader(strings.NewReader(reactor(t, s, "query", sql, "--output", "csv"))).ReadAll()
	if err != nil || len(objects) != 3 || len(records) != 4 {
		t.Fatalf("want three rows: %v, %v, %v", objects, records, err)
	}
	if got := strings.Join(records[0], ","); got != "asset_id,day,close,source,n_samples,market_cap_usd" {
		t.Errorf("the CSV's header is %s", got)
	}
	table := reactor(t, s, "query", sql)
	for i, o := range objects {
		marketCap := ""
		if o.MarketCapUSD != nil {
			marketCap = o.MarketCapUSD.String()
		}
		want := []string{o.AssetID, o.Day, o.Close.String(), o.Source, fmt.Sprint(o.NSamples), marketCap}
		if strings.Join(records[i+1], ",") != strings.Join(want, ",") {
			t.Errorf("the CSV says %v, the JSON %v", records[i+1], want)
		}
		if !strings.Contains(table, o.Day) || !strings.Contains(table, o.Close.String()) {
			t.Errorf("the table does not show %v:\n%s", want, table)
		}
	}
	if objects[0].Source != "snapshot" || objects[0].MarketCapUSD == nil || objects[1].Source != "history" || objects[1].MarketCapUSD != nil {
		t.Errorf("the newest day is from the snapshot and has a market cap, the others are from history: %+v", objects)
	}
}

func TestWrongUseOfQuery(t *testing.T) {
	s := stack.Start(t)
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such table":        {[]string{"query", "from gold.nothing"}, 1, "nothing"},
		"not SQL":              {[]string{"query", "selec 1"}, 1, "selec"},
		"a file":               {[]string{"query", "from read_text('/etc/hostname')"}, 1, "disabled"},
		"a time that is none":  {[]string{"query", "select 1", "--as-of", "yesterday"}, 2, "yesterday"},
		"a snapshot of none":   {[]string{"query", "from gold.rankings", "--snapshot", "gold.rankings=12"}, 1, "12"},
		"a table of none":      {[]string{"query", "from gold.rankings", "--snapshot", "gold.ranking=12"}, 1, "gold.ranking"},
		"snapshots of nothing": {[]string{"snapshots", "gold.nothing"}, 1, "gold.nothing"},
		"wait for nothing":     {[]string{"wait", "--key", assetsKey("none.json")}, 1, "there is no object"},
		"replay of nothing":    {[]string{"replay", "--key", assetsKey("none.json")}, 1, "there is no object"},
	} {
		r := s.Run(t, "reactor", test.args...)
		if r.Code != test.code || !strings.Contains(r.Stderr, test.says) || r.Stdout != "" {
			t.Errorf("%s: want exit code %d and %q: %s", name, test.code, test.says, r)
		}
	}
	checkEqual(t, s) // of an empty lake
}

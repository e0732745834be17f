// Package read_test proves that a lake tells its readers the truth: queries of now and of then, changes, lineage, audits, plans and
// the proof itself, through the commands of the reactor.
package read_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

func TestALakeIsReadAsItWasInEachFormatAndTracedToItsRequests(t *testing.T) {
	s := harness.Start(t)
	history := s.Ingest(t, "history", "--from", "2025-05-02", "--to", "2025-06-30", "--assets", "bitcoin,ethereum,tether,xrp,solana")
	n := s.Count(t, "select count(*) as n from silver.asset_prices")
	days := s.Count(t, "select count(distinct day) as n from gold.daily_summary")
	flags, last := []string{}, time.Time{}
	for _, table := range harness.GoldTables {
		all := s.Snapshots(t, table)
		newest := all[len(all)-1]
		flags = append(flags, "--snapshot", fmt.Sprintf("%s=%d", table, newest.Snapshot))
		if newest.CommittedAt.After(last) {
			last = newest.CommittedAt
		}
	}
	time.Sleep(5 * time.Millisecond) // an instant between two commits, for --as-of
	list := s.Ingest(t, "snapshot", "--top", "5")

	want := func(what string, perAsset, perDay int, flags ...string) {
		t.Helper()
		if got, want := s.Sizes(t, flags...), harness.GoldSizes(perAsset, perDay); !maps.Equal(got, want) {
			t.Errorf("%s: gold has rows %v, want %v", what, got, want)
		}
	}
	want("after the snapshot", n+5, days+1)
	want("as of the time before the snapshot", n, days, "--as-of", last.Format(time.RFC3339Nano))
	want("at the snapshots before", n, days, flags...)
	want("before there was anything", 0, 0, "--as-of", "2020-01-01")
	same(t, s)
	traced(t, s, history, list)
}

// same asks for one result in each format. All of them have to tell the same.
func same(t *testing.T, s *harness.Stack) {
	t.Helper()
	const sql = "select asset_id, day, close, source, n_samples, market_cap_usd from gold.daily_summary where asset_id = 'bitcoin' order by day desc limit 3"
	objects := harness.Query[struct {
		AssetID      string `json:"asset_id"`
		Day          string
		Close        json.Number
		Source       string
		NSamples     int          `json:"n_samples"`
		MarketCapUSD *json.Number `json:"market_cap_usd"`
	}](t, s, sql)
	records, err := csv.NewReader(strings.NewReader(s.CSV(t, sql))).ReadAll()
	if err != nil || len(objects) != 3 || len(records) != 4 {
		t.Fatalf("want three rows: %v, %v, %v", objects, records, err)
	}
	if got := strings.Join(records[0], ","); got != "asset_id,day,close,source,n_samples,market_cap_usd" {
		t.Errorf("the CSV's header is %s", got)
	}
	table := s.Reactor(t, "query", sql)
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
	s := harness.Start(t)
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such table":        {[]string{"query", "from gold.nothing"}, 1, "nothing"},
		"not SQL":              {[]string{"query", "selec 1"}, 1, "selec"},
		"a file":               {[]string{"query", "from read_text('/etc/hostname')"}, 1, "disabled"},
		"a time that is none":  {[]string{"query", "select 1", "--as-of", "someday"}, 2, "someday"},
		"a copy":               {[]string{"query", "copy (select 1) to 'x.csv'"}, 1, "--file"},
		"a file of no kind":    {[]string{"query", "select 1", "--file", "x.xls"}, 2, ".parquet"},
		"two results in JSON":  {[]string{"query", "select 1; select 2", "--output", "json"}, 2, "--output table"},
		"two results in CSV":   {[]string{"query", "select 1; select 2", "--output", "csv"}, 2, "one by one"},
		"two results a file":   {[]string{"query", "select 1; select 2", "--file", "x.parquet"}, 2, "one by one"},
		"a hidden change":      {[]string{"query", "drop table gold.rankings"}, 1, "end in a select"},
		"a snapshot of none":   {[]string{"query", "from gold.rankings", "--snapshot", "gold.rankings=12"}, 1, "12"},
		"a table of none":      {[]string{"query", "from gold.rankings", "--snapshot", "gold.ranking=12"}, 1, "gold.ranking"},
		"snapshots of nothing": {[]string{"snapshots", "gold.nothing"}, 1, "gold.nothing"},
		"wait for nothing":     {[]string{"wait", "--key", coin.AssetsKey("none.json")}, 1, "there is no object"},
		"replay of nothing":    {[]string{"replay", "--key", coin.AssetsKey("none.json")}, 1, "there is no object"},
	} {
		r := s.Run(t, "reactor", test.args...)
		if r.Code != test.code || !strings.Contains(r.Stderr, test.says) || r.Stdout != "" {
			t.Errorf("%s: want exit code %d and %q: %s", name, test.code, test.says, r)
		}
	}
	s.CheckEqual(t) // of an empty lake
}

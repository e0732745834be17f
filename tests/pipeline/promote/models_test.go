package promote_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// These read the user's own models in TestAnOwnModelIsATableAndAChangedOneIsRebuiltWithAllBelowIt.
const (
	spreadSQL = "select asset_id, (day::varchar)[9:] as day, spread from gold.spread order by all"
	widestSQL = "select (day::varchar)[9:] as day, widest, widest_before from gold.widest order by all"
)

func TestAnOwnModelIsATableAndAChangedOneIsRebuiltWithAllBelowIt(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	own := harness.NewModels(t)
	own.Write(t, "spread.sql", harness.SpreadHeader+"select asset_id, day, high - low as spread from gold.daily_summary\n")
	own.Write(t, "widest.sql", "-- model: gold.widest\n-- grain: day\n-- lookback: 1 day\nselect now.day, max(now.spread) as widest, max(before.spread) as widest_before\nfrom gold.spread as now left join gold.spread as before on before.day = now.day - 1\ngroup by now.day\n")
	r := s.StartReactor(t, own.Env())
	s.PutRanges(t)
	sees := func(what, sql, want string) {
		t.Helper()
		got := strings.Join(strings.Fields(s.CSV(t, sql)), " ")
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	sees("the model", spreadSQL, "asset_id,day,spread bitcoin,01,20 bitcoin,02,40 bitcoin,03,60 tether,01,2 tether,02,4 tether,03,6")
	sees("the model below", widestSQL, "day,widest,widest_before 01,20, 02,40,20 03,60,40")
	s.CheckEqual(t, own.Env())
	before := s.Current(t)

	restart := func() {
		t.Helper()
		r.StopInOrder(t)
		r = s.StartReactor(t, own.Env())
	}
	change := func(sql string) {
		t.Helper()
		own.Write(t, "spread.sql", harness.SpreadHeader+sql+"\n")
		restart()
	}
	restart()
	if after := s.Current(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a start without a change made snapshots: %v, before %v", after, before)
	}

	change("select asset_id, day, 2 * (high - low) as spread from gold.daily_summary")
	sees("the changed model", spreadSQL, "asset_id,day,spread bitcoin,01,40 bitcoin,02,80 bitcoin,03,120 tether,01,4 tether,02,8 tether,03,12")
	sees("the model below the changed one", widestSQL, "day,widest,widest_before 01,40, 02,80,40 03,120,80")
	s.CheckEqual(t, own.Env())

	change("select asset_id, day, n_samples, (high - low)::double as spread, source from gold.daily_summary")
	sees("other columns", "select * from gold.spread where asset_id = 'bitcoin' order by all limit 1", "asset_id,day,n_samples,spread,source bitcoin,2025-06-01,3,20,snapshot")
	sees("the model below other columns", widestSQL, "day,widest,widest_before 01,20, 02,40,20 03,60,40")
	s.CheckEqual(t, own.Env())

	change("select asset_id, day, (high - low)::double as spread from gold.daily_summary where asset_id <> 'tether'")
	sees("fewer columns and rows", "from gold.spread order by all limit 1", "asset_id,day,spread bitcoin,2025-06-01,20")
	s.CheckEqual(t, own.Env())

	after := s.Current(t)
	for _, table := range harness.Tables {
		if after[table] != before[table] {
			t.Errorf("%s has another snapshot, though nothing above it changed", table)
		}
	}
	// It goes on from there.
	s.PutAndWait(t, coin.AssetsKey("more.json"), coin.Assets(coin.Day(time.June, 4), coin.Asset("bitcoin", "5", "1")), nil)
	sees("a day more", "select (day::varchar)[9:] as day, spread from gold.spread order by all", "day,spread 01,20 02,40 03,60 04,0")
	s.CheckEqual(t, own.Env())
}

func TestARefusedModelStopsTheStartAndSaysWhy(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	for name, test := range map[string]struct {
		sql  string
		says []string
	}{
		"a sum of doubles":    {harness.SpreadHeader + "select asset_id, day, sum(close::double) as spread from gold.daily_summary group by all", []string{"sum of what may be a double", "decimal(38, 18)"}},
		"a list in any order": {harness.SpreadHeader + "select asset_id, day, list(close) as spread from gold.daily_summary group by all", []string{"list without an order", "order by"}},
		"the time of the run": {harness.SpreadHeader + "select asset_id, day, now() as spread from gold.daily_summary", []string{"now() is not in the data"}},
		"no such table":       {harness.SpreadHeader + "select asset_id, day from gold.daily_sumary", []string{"there is no table gold.daily_sumary"}},
		"a file":              {harness.SpreadHeader + "select asset_id, day from gold.daily_summary, read_csv('/etc/passwd')", []string{"read_csv"}},
		"not SQL":             {harness.SpreadHeader + "selct asset_id, day from gold.daily_summary", []string{"selct"}},
		"a taken name":        {strings.Replace(harness.SpreadHeader, "spread", "rankings", 1) + "select asset_id, day from gold.daily_summary", []string{"gold.rankings is also defined in", "another name"}},
		"no header":           {"select asset_id, day from gold.daily_summary", []string{"-- model: gold."}},
	} {
		own := harness.NewModels(t)
		own.Write(t, "mine.sql", test.sql)
		r := s.RunEnv(t, []string{own.Env()}, "reactor", "run", "--http-addr", "127.0.0.1:0")
		for _, says := range append(test.says, "mine.sql") {
			if r.Code != 1 || !strings.Contains(r.Stderr, says) {
				t.Errorf("%s: want exit code 1 and %q: %s", name, says, r)
			}
		}
		if strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%s: that should be all it says, and nothing should run before: %s", name, r)
		}
	}
	if r := s.RunEnv(t, []string{"MILLRACE_MODELS=/no/such/folder"}, "reactor", "run", "--http-addr", "127.0.0.1:0"); r.Code != 2 || !strings.Contains(r.Stderr, "/no/such/folder") {
		t.Errorf("a folder that is not there: %s", r)
	}
}

func TestAFailedAuditHoldsGoldUntilTheDataAreMended(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	own := harness.NewModels(t)
	own.Write(t, "audits/ceiling.sql", "-- audit: price_ceiling\n-- of: gold.daily_summary\nselect asset_id, day, high from gold.daily_summary where high > 1000\n")
	s.StartReactor(t, own.Env())
	s.PutRanges(t)
	before, ids := s.Contents(t, harness.GoldTables...), s.Current(t)

	at := coin.Day(time.June, 5)
	bad, good := coin.AssetsKey("bad.json"), coin.AssetsKey("good.json")
	s.Put(t, bad, coin.Assets(at, coin.Asset("bitcoin", "5000.5", "1"), coin.Asset("tether", "1", "1")), nil)
	s.AwaitDeadLetters(t, 1)
	letter := s.DeadLetters(t)[0]
	for _, says := range []string{"price_ceiling", "gold.daily_summary", "bitcoin", "2025-06-05", "5000.5", "gold stays as it was"} {
		if letter.Consumer != "gold" || !strings.Contains(letter.Reason, says) {
			t.Errorf("the dead letter does not say %q: %+v", says, letter)
		}
	}
	s.Put(t, good, coin.Assets(coin.Day(time.June, 6), coin.Asset("bitcoin", "100", "1")), nil)
	harness.Eventually(t, "silver has both", func() bool {
		return s.Count(t, "select count(*) as n from silver.asset_snapshots where observed_at >= timestamptz '2025-06-05'") == 3
	})
	s.Settled(t)
	s.SameContents(t, "while an audit fails", before)
	after := s.Current(t)
	for _, table := range harness.GoldTables {
		if after[table] != ids[table] {
			t.Errorf("%s did not stay as it was", table)
		}
	}
	if r := s.Run(t, "reactor", "wait", "--key", bad, "--timeout", "300ms"); r.Code != 1 || !strings.Contains(r.Stderr, "dlq list") {
		t.Errorf("waiting for what the audit holds back: %s", r)
	}
	// Retrying is no use before somebody mends the data, as the reason says: the letter comes back.
	s.Reactor(t, "dlq", "retry", "--all")
	s.AwaitDeadLetters(t, 2)

	mended := coin.AssetsKey("mended.json")
	s.Put(t, mended, coin.Assets(at, coin.Asset("bitcoin", "50.5", "1")), nil)
	s.Wait(t, bad, good, mended)
	if n := s.Count(t, "select count(*) as n from gold.daily_summary where (asset_id, day, close) in (('bitcoin', '2025-06-05', 50.5), ('tether', '2025-06-05', 1), ('bitcoin', '2025-06-06', 100))"); n != 3 {
		t.Errorf("gold has %d of the 3 new rows", n)
	}
	s.Reactor(t, "dlq", "retry", "--all")
	s.Settled(t)
	if letters := s.DeadLetters(t); len(letters) != 0 {
		t.Errorf("dead letters whose cause is gone: %+v", letters)
	}
	s.CheckEqual(t, own.Env())
}

// The pins say what gold as a whole was computed from. A model that was away for a while must not pass for one that kept up.
func TestAModelThatComesBackCatchesUp(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	own, none := harness.NewModels(t), harness.NewModels(t)
	own.Write(t, "spread.sql", harness.SpreadHeader+"select asset_id, day, high - low as spread from gold.daily_summary\n")
	r := s.StartReactor(t, own.Env())
	s.PutRanges(t)
	for i, folder := range []harness.Models{none, own} {
		r.Stop(t)
		r = s.StartReactor(t, folder.Env())
		key := coin.AssetsKey(fmt.Sprintf("while-away-%d.json", i))
		s.Put(t, key, coin.Assets(coin.Day(time.June, 10+i), coin.Asset("bitcoin", "1", "1")), nil)
		s.Wait(t, key)
	}
	if n := s.Count(t, "select count(*) as n from gold.spread where day in ('2025-06-10', '2025-06-11')"); n != 2 {
		t.Errorf("the model has %d of the 2 days that came while it was away and after", n)
	}
	s.CheckEqual(t, own.Env())
}

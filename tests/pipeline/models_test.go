package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/tests/stack"
)

// models is a folder of own models, whose files a test writes anew.
type models struct{ dir string }

func newModels(t testing.TB) models {
	t.Helper()
	m := models{t.TempDir()}
	if err := os.Mkdir(filepath.Join(m.dir, "audits"), 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m models) write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m models) env() string { return "MILLRACE_MODELS=" + m.dir }

const spreadHeader = "-- model: gold.spread\n-- grain: asset_id, day\n-- lookback: 0 days\n"

// ranges puts three prices a day of two assets, so that spreads are 2 and 20 times the day of the month.
func ranges(t testing.TB, s *stack.Stack) {
	t.Helper()
	var keys []string
	for d := 1; d <= 3; d++ {
		for h, add := range []int{0, 2, 1} {
			at := day(time.June, d).Add(time.Duration(h) * time.Hour)
			key := assetsKey(fmt.Sprintf("%d-%d.json", d, h))
			s.Put(t, key, assets(at, asset("bitcoin", fmt.Sprint(100+10*add*d), "20"), asset("tether", fmt.Sprint(100+add*d), "10")), nil)
			keys = append(keys, key)
		}
	}
	s.Wait(t, keys...)
}

func TestAnOwnModelIsATableAndAChangedOneIsRebuiltWithAllBelowIt(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	own := newModels(t)
	own.write(t, "spread.sql", spreadHeader+"select asset_id, day, high - low as spread from gold.daily_summary\n")
	own.write(t, "widest.sql", "-- model: gold.widest\n-- grain: day\n-- lookback: 1 day\nselect now.day, max(now.spread) as widest, max(before.spread) as widest_before\nfrom gold.spread as now left join gold.spread as before on before.day = now.day - 1\ngroup by now.day\n")
	r := startReactor(t, s, own.env())
	ranges(t, s)
	sees := func(what, sql, want string) {
		t.Helper()
		got := strings.Join(strings.Fields(reactor(t, s, "query", sql, "--output", "csv")), " ")
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	const (
		spreadSQL = "select asset_id, (day::varchar)[9:] as day, spread from gold.spread order by all"
		widestSQL = "select (day::varchar)[9:] as day, widest, widest_before from gold.widest order by all"
	)
	sees("the model", spreadSQL, "asset_id,day,spread bitcoin,01,20 bitcoin,02,40 bitcoin,03,60 tether,01,2 tether,02,4 tether,03,6")
	sees("the model below", widestSQL, "day,widest,widest_before 01,20, 02,40,20 03,60,40")
	checkEqual(t, s, own.env())
	before := current(t, s)

	restart := func() {
		t.Helper()
		if end := r.Stop(t); end.Code != 0 {
			t.Fatalf("the reactor did not stop in order: %s", end)
		}
		r = startReactor(t, s, own.env())
	}
	restart()
	if after := current(t, s); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a start without a change made snapshots: %v, before %v", after, before)
	}

	own.write(t, "spread.sql", spreadHeader+"select asset_id, day, 2 * (high - low) as spread from gold.daily_summary\n")
	restart()
	sees("the changed model", spreadSQL, "asset_id,day,spread bitcoin,01,40 bitcoin,02,80 bitcoin,03,120 tether,01,4 tether,02,8 tether,03,12")
	sees("the model below the changed one", widestSQL, "day,widest,widest_before 01,40, 02,80,40 03,120,80")
	checkEqual(t, s, own.env())

	own.write(t, "spread.sql", spreadHeader+"select asset_id, day, n_samples, (high - low)::double as spread, source from gold.daily_summary\n")
	restart()
	sees("other columns", "select * from gold.spread where asset_id = 'bitcoin' order by all limit 1", "asset_id,day,n_samples,spread,source bitcoin,2025-06-01,3,20,snapshot")
	sees("the model below other columns", widestSQL, "day,widest,widest_before 01,20, 02,40,20 03,60,40")
	checkEqual(t, s, own.env())

	own.write(t, "spread.sql", spreadHeader+"select asset_id, day, (high - low)::double as spread from gold.daily_summary where asset_id <> 'tether'\n")
	restart()
	sees("fewer columns and rows", "from gold.spread order by all limit 1", "asset_id,day,spread bitcoin,2025-06-01,20")
	checkEqual(t, s, own.env())

	after := current(t, s)
	for _, table := range append(silverTables, goldTables...) {
		if after[table] != before[table] {
			t.Errorf("%s has another snapshot, though nothing above it changed", table)
		}
	}
	// It goes on from there.
	s.Put(t, assetsKey("more.json"), assets(day(time.June, 4), asset("bitcoin", "5", "1")), nil)
	s.Wait(t, assetsKey("more.json"))
	sees("a day more", "select (day::varchar)[9:] as day, spread from gold.spread order by all", "day,spread 01,20 02,40 03,60 04,0")
	checkEqual(t, s, own.env())
}

func TestARefusedModelStopsTheStartAndSaysWhy(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	for name, test := range map[string]struct {
		sql  string
		says []string
	}{
		"a sum of doubles":    {spreadHeader + "select asset_id, day, sum(close::double) as spread from gold.daily_summary group by all", []string{"sum of what may be a double", "decimal(38, 18)"}},
		"a list in any order": {spreadHeader + "select asset_id, day, list(close) as spread from gold.daily_summary group by all", []string{"list without an order", "order by"}},
		"the time of the run": {spreadHeader + "select asset_id, day, now() as spread from gold.daily_summary", []string{"now() is not in the data"}},
		"no such table":       {spreadHeader + "select asset_id, day from gold.daily_sumary", []string{"there is no table gold.daily_sumary"}},
		"a file":              {spreadHeader + "select asset_id, day from gold.daily_summary, read_csv('/etc/passwd')", []string{"read_csv"}},
		"not SQL":             {spreadHeader + "selct asset_id, day from gold.daily_summary", []string{"selct"}},
		"a taken name":        {strings.Replace(spreadHeader, "spread", "rankings", 1) + "select asset_id, day from gold.daily_summary", []string{"gold.rankings is defined", "another name"}},
		"no header":           {"select asset_id, day from gold.daily_summary", []string{"-- model: gold."}},
	} {
		own := newModels(t)
		own.write(t, "mine.sql", test.sql)
		r := s.RunEnv(t, []string{own.env()}, "reactor", "run", "--http-addr", "127.0.0.1:0")
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
	s := stack.Start(t, stack.WithoutReactor())
	own := newModels(t)
	own.write(t, "audits/ceiling.sql", "-- audit: price_ceiling\n-- of: gold.daily_summary\nselect asset_id, day, high from gold.daily_summary where high > 1000\n")
	startReactor(t, s, own.env())
	ranges(t, s)
	before := map[string]string{}
	for _, table := range goldTables {
		before[table] = contents(t, s, table)
	}
	ids := current(t, s)

	at := day(time.June, 5)
	bad, good := assetsKey("bad.json"), assetsKey("good.json")
	s.Put(t, bad, assets(at, asset("bitcoin", "5000.5", "1"), asset("tether", "1", "1")), nil)
	stack.Eventually(t, "the dead letter is there", func() bool { return len(deadLetters(t, s)) == 1 })
	letter := deadLetters(t, s)[0]
	for _, says := range []string{"price_ceiling", "gold.daily_summary", "bitcoin", "2025-06-05", "5000.5", "gold stays as it was"} {
		if letter.Consumer != "gold" || !strings.Contains(letter.Reason, says) {
			t.Errorf("the dead letter does not say %q: %+v", says, letter)
		}
	}
	s.Put(t, good, assets(day(time.June, 6), asset("bitcoin", "100", "1")), nil)
	stack.Eventually(t, "silver has both", func() bool {
		return count(t, s, "select count(*) as n from silver.asset_snapshots where observed_at >= timestamptz '2025-06-05'") == 3
	})
	settled(t, s)
	for _, table := range goldTables {
		if contents(t, s, table) != before[table] || current(t, s)[table] != ids[table] {
			t.Errorf("%s did not stay as it was", table)
		}
	}
	if r := s.Run(t, "reactor", "wait", "--key", bad, "--timeout", "300ms"); r.Code != 1 || !strings.Contains(r.Stderr, "dlq list") {
		t.Errorf("waiting for what the audit holds back: %s", r)
	}
	// As the reason says, retrying is no use before the data are mended: the letter comes back.
	reactor(t, s, "dlq", "retry", "--all")
	stack.Eventually(t, "the dead letters are back", func() bool { return len(deadLetters(t, s)) == 2 })

	mended := assetsKey("mended.json")
	s.Put(t, mended, assets(at, asset("bitcoin", "50.5", "1")), nil)
	s.Wait(t, bad, good, mended)
	if n := count(t, s, "select count(*) as n from gold.daily_summary where (asset_id, day, close) in (('bitcoin', '2025-06-05', 50.5), ('tether', '2025-06-05', 1), ('bitcoin', '2025-06-06', 100))"); n != 3 {
		t.Errorf("gold has %d of the 3 new rows", n)
	}
	reactor(t, s, "dlq", "retry", "--all")
	settled(t, s)
	if letters := deadLetters(t, s); len(letters) != 0 {
		t.Errorf("dead letters whose cause is gone: %+v", letters)
	}
	checkEqual(t, s, own.env())
}

// The pins say what gold as a whole was computed from; a table that sat out a while must not be taken for one that kept up.
func TestAModelThatComesBackCatchesUp(t *testing.T) {
	s := stack.Start(t, stack.WithoutReactor())
	own, none := newModels(t), newModels(t)
	own.write(t, "spread.sql", spreadHeader+"select asset_id, day, high - low as spread from gold.daily_summary\n")
	r := startReactor(t, s, own.env())
	ranges(t, s)
	for i, folder := range []models{none, own} {
		r.Stop(t)
		r = startReactor(t, s, folder.env())
		key := assetsKey(fmt.Sprintf("while-away-%d.json", i))
		s.Put(t, key, assets(day(time.June, 10+i), asset("bitcoin", "1", "1")), nil)
		s.Wait(t, key)
	}
	if n := count(t, s, "select count(*) as n from gold.spread where day in ('2025-06-10', '2025-06-11')"); n != 2 {
		t.Errorf("the model has %d of the 2 days that came while it was away and after", n)
	}
	checkEqual(t, s, own.env())
}

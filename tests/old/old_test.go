//go:build old

// Package old opens with today's programs a lake that an earlier release has made: its tables are read, nothing is made anew that need
// not be, and it goes on.
package old

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

func TestAnOldLakeOpensAndGoesOn(t *testing.T) {
	programs := oldPrograms(t)
	l := leave(t, programs)
	waiting, key := leaveEvent(t, l, programs)

	t.Run("opens", func(t *testing.T) {
		s := harness.Start(t, harness.InHome(l.home), harness.WithoutReactor())
		before(t, l, s)
		r := s.StartReactor(t, l.models.Env())
		s.Settled(t)
		opened(t, l, s)
		second(t, l, s, r)
		goesOn(t, l, s)
	})
	// An event that the old programs' streams hold, and that none of their reactors has taken.
	t.Run("takes an old event", func(t *testing.T) {
		s := harness.Start(t, harness.InHome(waiting), harness.WithEnv(l.models.Env()))
		s.Wait(t, key)
		s.Settled(t)
		if n := len(s.Ledger(t)); n != len(l.ledger)+1 {
			t.Errorf("the ledger had %d entries, and has %d after one old event", len(l.ledger), n)
		}
		s.CheckEqual(t, l.models.Env())
	})
}

// leaveEvent puts an object into a copy of the lake while the old programs run without a reactor.
func leaveEvent(t *testing.T, l left, programs string) (home, key string) {
	t.Helper()
	home, key = copied(t, l.home), coin.AssetsKey("waiting.json")
	s := harness.Start(t, harness.InHome(home), harness.WithPrograms(programs), harness.WithoutReactor())
	s.Put(t, key, coin.Assets(coin.Day(time.June, 20), coin.Asset("coin-1", "77.5", "2000")), nil)
	harness.Eventually(t, "the broker has the event", func() bool { return len(s.Messages(t, "RAW", "lake.raw.>")) > 0 })
	s.Stop(t)
	return home, key
}

// before is what commands say before a reactor of today has run.
func before(t *testing.T, l left, s *harness.Stack) {
	t.Helper()
	for table, text := range l.contents {
		same(t, "read by today's programs", table, text, s.CSV(t, "from "+table+" order by all"), 0)
	}
	// Nothing is to be done in silver. The models of four tables have changed since, so all of their days are computed. That a model of
	// one's own has the lookback that it says is verified since, and was not then: it is computed too, once, and need not be written.
	var planned, want []string
	for _, a := range plan(t, l, s) {
		if a.Table == sightings && !strings.Contains(a.Why, "verified") {
			t.Errorf("a start would %s %s, because %s", a.Action, a.Table, a.Why)
		}
		planned = append(planned, a.Action+" "+a.Table)
	}
	for _, table := range append(slices.Clone(harness.GoldTables), sightings) {
		want = append(want, "rebuild "+table)
	}
	slices.Sort(planned)
	slices.Sort(want)
	if !slices.Equal(planned, want) {
		t.Errorf("a start would do %q, want %q", planned, want)
	}
	if now := s.Pointers(t); !maps.Equal(now, l.pointers) {
		t.Errorf("reading has changed the lake: %v, it was %v", now, l.pointers)
	}
}

// opened is what a first start of today has done: computed gold by the models that have changed, and nothing else.
func opened(t *testing.T, l left, s *harness.Stack) {
	t.Helper()
	now := s.Current(t)
	for _, table := range append(slices.Clone(harness.SilverTables), sightings) {
		if now[table] != l.current[table] {
			t.Errorf("%s is in snapshot %d, it was in %d: it was written again", table, now[table], l.current[table])
		}
	}
	for _, table := range harness.GoldTables {
		made := 0
		for _, one := range slices.Backward(s.Snapshots(t, table)) {
			if one.Snapshot == l.current[table] {
				break
			}
			t.Logf("%s: %s by %q of %d rows", table, one.Operation, one.MadeBy, one.TotalRows)
			if one.Operation != "replace" { // upkeep's
				made++
			}
		}
		if made > 1 {
			t.Errorf("%s was written %d times, and its model has changed once", table, made)
		}
	}
	for table, text := range l.contents {
		tolerance := 0.
		if strings.HasPrefix(table, "gold.") && table != sightings {
			tolerance = 1e-12 // last digits are what the models have changed for
		}
		same(t, "after the first start", table, text, s.CSV(t, "from "+table+" order by all"), tolerance)
	}
	if ledger := s.Ledger(t); len(ledger) != len(l.ledger) || !maps.Equal(outcomes(ledger), outcomes(l.ledger)) {
		t.Errorf("the ledger had %d entries, and has %d, or other ones", len(l.ledger), len(ledger))
	}
	if letters := s.DeadLetters(t); len(letters) != len(l.letters) {
		t.Errorf("there were %d dead letters, and are %d", len(l.letters), len(letters))
	}
	verdicts := s.CheckEqual(t, l.models.Env())
	for table, want := range l.digests {
		if got := verdicts[table].Digest; got != want {
			t.Errorf("the rows of %s have the digest %s, the old programs said %s", table, got, want)
		}
	}
	if first := s.Snapshots(t, "silver.asset_prices")[0]; s.Count(t, "select count(*) as n from silver.asset_prices", "--snapshot", "silver.asset_prices="+strconv.FormatInt(first.Snapshot, 10)) != first.TotalRows {
		t.Errorf("the oldest snapshot of prices does not have its %d rows", first.TotalRows)
	}
}

// second starts the reactor once more: what the first start has done is done.
func second(t *testing.T, l left, s *harness.Stack, r *harness.Reactor) {
	t.Helper()
	s.Maintain(t) // what upkeep would do in a pause
	pointers := s.Pointers(t)
	r.StopInOrder(t)
	if todo := plan(t, l, s); len(todo) != 0 {
		t.Errorf("a second start would do %v", todo)
	}
	s.StartReactor(t, l.models.Env())
	s.Settled(t)
	if now := s.Pointers(t); !maps.Equal(now, pointers) {
		t.Errorf("a second start has changed the lake: %v, it was %v", now, pointers)
	}
}

// goesOn puts a new object, replays all of them and removes an old one.
func goesOn(t *testing.T, l left, s *harness.Stack) {
	t.Helper()
	s.PutAndWait(t, coin.AssetsKey("new.json"), coin.Assets(coin.Day(time.June, 20), coin.Asset("coin-1", "77.5", "2000")), nil)
	if got := s.CSV(t, "select close, source from gold.daily_summary where asset_id = 'coin-1' and day = date '2025-06-20'"); got != "close,source\n77.5,snapshot\n" {
		t.Errorf("the new object's day in gold is %q", got)
	}
	if n := s.Count(t, "select sum(n_rows) as n from gold.sightings where day = date '2025-06-20'"); n != 1 {
		t.Errorf("the own model counts %d rows on the new object's day", n)
	}
	s.Settled(t)
	s.Maintain(t)
	pointers, entries := s.Pointers(t), len(s.Ledger(t))
	replayed := harness.Rows[struct{ Events int }](t, s, "replay", "--wait")
	if len(replayed) != 1 || replayed[0].Events != entries {
		t.Errorf("the replay published %v events, the ledger has %d entries", replayed, entries)
	}
	s.Settled(t)
	if now := s.Pointers(t); !maps.Equal(now, pointers) {
		t.Errorf("a replay has changed the lake: %v, it was %v", now, pointers)
	}
	if n := len(s.DeadLetters(t)); n != len(l.letters) {
		t.Errorf("after the replay there are %d dead letters, there were %d", n, len(l.letters))
	}
	gone := s.Objects(t, coin.AssetsKey(""))[0].Key
	rows := func() int {
		return s.Count(t, "select count(*) as n from silver.asset_snapshots where source_key = '"+gone+"'")
	}
	had := rows()
	for _, e := range s.Ledger(t) {
		if e.Key == gone {
			s.Remove(t, e.Key, e.Version)
		}
	}
	harness.Eventually(t, "the rows of a removed object are gone", func() bool { return rows() == 0 })
	s.Settled(t)
	t.Logf("%d rows of %s went with it", had, gone)
	s.CheckEqual(t, l.models.Env())
}

// outcomes are those of the ledger, by object version.
func outcomes(ledger []catalog.Entry) map[string]string {
	by := map[string]string{}
	for _, e := range ledger {
		by[e.Object()] = strings.TrimSpace(e.Table + " " + e.Outcome + " " + e.Reason)
	}
	return by
}

// planned is a line of `reactor plan`.
type planned struct{ Action, Table, Why string }

func plan(t *testing.T, l left, s *harness.Stack) (list []planned) {
	t.Helper()
	r := s.RunEnv(t, []string{l.models.Env()}, "reactor", "plan", "--output", "json")
	if r.Code != 0 {
		t.Fatal(r)
	}
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil {
		t.Fatalf("read the plan: %v, %s", err, r)
	}
	return list
}

// same wants two answers in CSV to have the same rows: their floats to the tolerance, all else exactly.
func same(t *testing.T, when, table, want, got string, tolerance float64) {
	t.Helper()
	if want == got {
		return
	}
	a, b := cells(t, want), cells(t, got)
	if tolerance == 0 || len(a) != len(b) {
		t.Errorf("%s, %s is not what it was (%d and %d rows):\n%s", when, table, len(a), len(b), harness.Difference(want, got))
		return
	}
	for i := range a {
		for j := range a[i] {
			if a[i][j] != b[i][j] && !near(a[i][j], b[i][j], tolerance) {
				t.Errorf("%s, row %d of %s has %s %s, it was %s", when, i, table, a[0][j], b[i][j], a[i][j])
				return
			}
		}
	}
}

func cells(t *testing.T, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func near(a, b string, tolerance float64) bool {
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return false
	}
	y, err := strconv.ParseFloat(b, 64)
	// A return is a difference of quotients near 1: its digits below that were noise.
	return err == nil && math.Abs(x-y) <= tolerance*max(1, math.Abs(x), math.Abs(y))
}

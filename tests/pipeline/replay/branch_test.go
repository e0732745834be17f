package replay_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// branchLine is a table's line of `reactor replay --branch`.
type branchLine struct {
	Table                      string
	RowsMain                   int `json:"rows_main"`
	RowsBranch                 int `json:"rows_branch"`
	Inserted, Deleted, Updated int
}

// replayOnto replays onto a branch and gives the lines of tables that differ from main.
func replayOnto(t testing.TB, s *harness.Stack, args ...string) map[string]branchLine {
	t.Helper()
	lines := map[string]branchLine{}
	for _, l := range harness.Rows[branchLine](t, s, append([]string{"replay"}, args...)...) {
		if l.Inserted+l.Deleted+l.Updated > 0 {
			lines[l.Table] = l
		}
	}
	return lines
}

// branches reads what `reactor publish` lists.
func branches(t testing.TB, s *harness.Stack) map[string]string {
	t.Helper()
	states := map[string]string{}
	for _, b := range harness.Rows[struct{ Branch, State string }](t, s, "publish") {
		states[b.Branch] = b.State
	}
	return states
}

// damaged starts a stack whose silver lacks the rows of one object. A replay brings them back, as it would with a mended decoder.
func damaged(t *testing.T) (s *harness.Stack, whole map[string]string) {
	t.Helper()
	s = harness.Start(t)
	put := func(name string, at time.Time, list ...string) {
		s.PutAndWait(t, coin.AssetsKey(name), coin.Assets(at, list...), nil)
	}
	put("a.json", coin.Day(time.June, 1), coin.Asset("bitcoin", "100", "10"), coin.Asset("tether", "1", "5"))
	s.Reactor(t, "tag", "silver.asset_snapshots", "one")
	put("b.json", coin.Day(time.June, 1), coin.Asset("bitcoin", "101", "10"))
	put("c.json", coin.Day(time.June, 2), coin.Asset("ethereum", "7", "3"), coin.Asset("bitcoin", "102.5", "11"))
	s.Settled(t)
	whole = s.Contents(t, append([]string{"silver.asset_snapshots"}, harness.GoldTables...)...)
	s.Reactor(t, "rollback", "silver.asset_snapshots", "--to", "one")
	harness.Eventually(t, "gold follows the rollback", func() bool { return s.Count(t, "select count(*) as n from gold.daily_summary") == 2 })
	s.Settled(t)
	return s, whole
}

func isWhole(t testing.TB, s *harness.Stack, whole map[string]string) {
	t.Helper()
	s.SameContents(t, "after the branch is published", whole)
	s.CheckEqual(t)
}

func TestABranchIsWrittenAuditedAndPublished(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, whole := damaged(t)
	before := s.Current(t)
	lines := replayOnto(t, s, "--branch", "mended")
	want := map[string]branchLine{
		"silver.asset_snapshots": {Table: "silver.asset_snapshots", RowsMain: 2, RowsBranch: 4, Inserted: 2, Updated: 1},
		"gold.daily_summary":     {Table: "gold.daily_summary", RowsMain: 2, RowsBranch: 4, Inserted: 2, Updated: 1},
	}
	for table, line := range want {
		if lines[table] != line {
			t.Errorf("%s differs by %+v, want %+v", table, lines[table], line)
		}
	}
	s.Settled(t)
	if after := s.Current(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("main moved from %v to %v", before, after)
	}
	if n := s.Count(t, "select count(*) as n from gold.daily_summary"); n != 2 {
		t.Errorf("readers of main see %d rows, want 2", n)
	}
	if n := s.Count(t, "select count(*) as n from gold.daily_summary", "--snapshot", "gold.daily_summary=mended"); n != 4 {
		t.Errorf("a query of the branch sees %d rows, want 4", n)
	}
	if got := s.Changes(t, "silver.asset_snapshots", "--from", "main", "--to", "mended"); got != "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7" {
		t.Errorf("changes from main to the branch: %s", got)
	}
	if got := branches(t, s); len(got) != 1 || got["mended"] != "ready" {
		t.Errorf("branches: %v", got)
	}
	for args, want := range map[string]string{
		"replay --branch mended": "there is such a branch already",
		"publish nobody":         "there is no such branch",
		"publish nobody --drop":  "there is no such branch",
		"replay --branch one":    "there is such a branch already, or a tag",
		"replay --branch b --key bronze/coincap/assets/ingest_date=2026-01-01/none.json": "",
	} {
		r := s.Run(t, "reactor", strings.Fields(args)...)
		if code := map[bool]int{true: 0, false: 1}[want == ""]; r.Code != code || !strings.Contains(r.Stderr, want) {
			t.Errorf("%s: want exit code %d and %q: %s", args, code, want, r)
		}
	}
	s.Reactor(t, "publish", "b", "--drop")

	s.Reactor(t, "publish", "mended")
	isWhole(t, s, whole)
	if got := branches(t, s); len(got) != 0 {
		t.Errorf("a published branch stays: %v", got)
	}
	steps := len(s.Snapshots(t, "gold.daily_summary"))
	s.PutAndWait(t, coin.AssetsKey("d.json"), coin.Assets(coin.Day(time.June, 3), coin.Asset("bitcoin", "103", "11")), nil)
	if n := len(s.Snapshots(t, "gold.daily_summary")); n != steps+1 {
		t.Errorf("gold made %d snapshots after the branch was published, want the one of a new object", n-steps)
	}
	s.CheckEqual(t)
}

func TestABranchThatMainHasLeftBehindIsMadeAnew(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, _ := damaged(t)
	replayOnto(t, s, "--branch", "mended")
	s.PutAndWait(t, coin.AssetsKey("d.json"), coin.Assets(coin.Day(time.June, 3), coin.Asset("bitcoin", "103", "11")), nil)
	if got := branches(t, s); got["mended"] != "main has moved on" {
		t.Errorf("branches: %v", got)
	}
	r := s.Run(t, "reactor", "publish", "mended")
	if r.Code != 1 || !strings.Contains(r.Stderr, "silver.asset_snapshots") || !strings.Contains(r.Stderr, "--refresh") {
		t.Errorf("want exit code 1 and a way out: %s", r)
	}
	s.Reactor(t, "publish", "mended", "--refresh")
	s.CheckEqual(t)
	if n := s.Count(t, "select count(*) as n from silver.asset_snapshots"); n != 5 {
		t.Errorf("silver has %d rows, want 5", n)
	}
}

func TestADroppedBranchLeavesNothing(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, _ := damaged(t)
	before := s.Differing(t)
	replayOnto(t, s, "--branch", "mended")
	s.Reactor(t, "publish", "mended", "--drop")
	if got := branches(t, s); len(got) != 0 {
		t.Errorf("branches: %v", got)
	}
	if after := s.Differing(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("check differs by %v, before the branch by %v", after, before)
	}
	replayOnto(t, s, "--branch", "mended") // the name is free again
}

// A failed audit stops a replay. Publishing refuses a branch whose replay was stopped.
func TestAnIncompleteBranchIsNotPublished(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, whole := damaged(t)
	models := harness.NewModels(t)
	models.Write(t, "audits/no_ethereum.sql", "-- audit: no_ethereum\n-- of: gold.daily_summary\nselect * from gold.daily_summary where asset_id = 'ethereum'\n")
	r := s.Run(t, "reactor", "replay", "--branch", "mended", "--models", models.Dir)
	if r.Code != 1 || !strings.Contains(r.Stderr, "no_ethereum") {
		t.Errorf("want exit code 1 and the audit's name: %s", r)
	}
	if got := branches(t, s); got["mended"] != "not complete" {
		t.Errorf("branches: %v", got)
	}
	if r := s.Run(t, "reactor", "publish", "mended"); r.Code != 1 || !strings.Contains(r.Stderr, "not complete") {
		t.Errorf("want exit code 1 and why: %s", r)
	}
	s.Reactor(t, "publish", "mended", "--drop")
	s.Reactor(t, "replay", "--branch", "mended")
	s.Reactor(t, "publish", "mended")
	isWhole(t, s, whole)
}

// A branch answers the dead letters whose objects another limit lets in.
func TestABranchAnswersDeadLetters(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	s.StartReactor(t, "MILLRACE_MAX_ROWS=1")
	s.Put(t, coin.AssetsKey("two.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "100", "10"), coin.Asset("tether", "1", "5")), nil)
	s.AwaitDeadLetters(t, 1)
	lines := replayOnto(t, s, "--dead-letters", "--branch", "wider", "--max-rows", "10")
	if lines["silver.asset_snapshots"].Inserted != 2 || lines["gold.rankings"].Inserted != 2 {
		t.Errorf("the branch differs by %v", lines)
	}
	if n := len(s.DeadLetters(t)); n != 1 {
		t.Errorf("%d dead letters before the branch is published, want 1", n)
	}
	s.Reactor(t, "publish", "wider")
	if n := len(s.DeadLetters(t)); n != 0 {
		t.Errorf("%d dead letters after the branch is published, want none", n)
	}
	s.CheckEqual(t)
}

// Publishing beside live traffic loses nothing of either. An object comes every two seconds, or less often on a busy machine: the
// time between two has to be enough to make the branch anew.
func TestABranchIsPublishedBesideLiveTraffic(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, _ := damaged(t)
	stop, done := make(chan struct{}), make(chan int)
	var pause atomic.Int64
	pause.Store(int64(2 * time.Second))
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- n
				return
			case <-time.After(time.Duration(pause.Load())):
			}
			s.Put(t, coin.AssetsKey(fmt.Sprintf("live-%d.json", n)), coin.Assets(coin.Day(time.June, 3).Add(time.Duration(n)*time.Hour), coin.Asset("bitcoin", "103", "11")), nil)
		}
	}()
	harness.Eventually(t, "objects arrive", func() bool { return len(s.Ledger(t)) > 4 })
	began := time.Now()
	s.Reactor(t, "replay", "--branch", "mended")
	pause.Store(max(pause.Load(), 5*int64(time.Since(began))))
	harness.Eventually(t, "main moves on", func() bool { return branches(t, s)["mended"] == "main has moved on" })
	s.Reactor(t, "publish", "mended", "--refresh")
	close(stop)
	n := 3 + <-done
	s.AwaitLedger(t, n)
	s.Settled(t)
	s.CheckEqual(t)
	if got := s.Count(t, "select count(*) as n from silver.asset_snapshots"); got != n+1 {
		t.Errorf("silver has %d rows, want %d", got, n+1)
	}
}

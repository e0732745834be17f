package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/tests/stack"
)

// branchLine is a table's line of `reactor replay --branch`.
type branchLine struct {
	Table                      string
	RowsMain                   int `json:"rows_main"`
	RowsBranch                 int `json:"rows_branch"`
	Inserted, Deleted, Updated int
}

// replayOnto replays onto a branch and gives the lines of tables that differ from main.
func replayOnto(t testing.TB, s *stack.Stack, args ...string) map[string]branchLine {
	t.Helper()
	lines := map[string]branchLine{}
	for _, l := range rows[branchLine](t, s, append([]string{"replay"}, args...)...) {
		if l.Inserted+l.Deleted+l.Updated > 0 {
			lines[l.Table] = l
		}
	}
	return lines
}

// branches are what `reactor publish` lists.
func branches(t testing.TB, s *stack.Stack) map[string]string {
	t.Helper()
	states := map[string]string{}
	for _, b := range rows[struct{ Branch, State string }](t, s, "publish") {
		states[b.Branch] = b.State
	}
	return states
}

// damaged is a stack whose silver lacks the rows of one object, which a replay brings back: what a mended decoder does.
func damaged(t *testing.T) (s *stack.Stack, whole map[string]string) {
	t.Helper()
	s = stack.Start(t)
	put := func(name string, at time.Time, list ...string) {
		s.Put(t, assetsKey(name), assets(at, list...), nil)
		s.Wait(t, assetsKey(name))
	}
	put("a.json", day(time.June, 1), asset("bitcoin", "100", "10"), asset("tether", "1", "5"))
	reactor(t, s, "tag", "silver.asset_snapshots", "one")
	put("b.json", day(time.June, 1), asset("bitcoin", "101", "10"))
	put("c.json", day(time.June, 2), asset("ethereum", "7", "3"), asset("bitcoin", "102.5", "11"))
	settled(t, s)
	whole = map[string]string{}
	for _, table := range append([]string{"silver.asset_snapshots"}, goldTables...) {
		whole[table] = contents(t, s, table)
	}
	reactor(t, s, "rollback", "silver.asset_snapshots", "--to", "one")
	stack.Eventually(t, "gold follows the rollback", func() bool { return count(t, s, "select count(*) as n from gold.daily_summary") == 2 })
	settled(t, s)
	return s, whole
}

func isWhole(t testing.TB, s *stack.Stack, whole map[string]string) {
	t.Helper()
	for table, want := range whole {
		if got := contents(t, s, table); got != want {
			t.Errorf("%s is not what it was: %s", table, difference(want, got))
		}
	}
	checkEqual(t, s)
}

func TestABranchIsWrittenAuditedAndPublished(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, whole := damaged(t)
	before := current(t, s)
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
	settled(t, s)
	if after := current(t, s); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("main moved from %v to %v", before, after)
	}
	if n := count(t, s, "select count(*) as n from gold.daily_summary"); n != 2 {
		t.Errorf("readers of main see %d rows, want 2", n)
	}
	if n := count(t, s, "select count(*) as n from gold.daily_summary", "--snapshot", "gold.daily_summary=mended"); n != 4 {
		t.Errorf("a query of the branch sees %d rows, want 4", n)
	}
	if got := changesOf(t, s, "silver.asset_snapshots", "--from", "main", "--to", "mended"); got != "updated bitcoin 101 was 100, inserted bitcoin 102.5, inserted ethereum 7" {
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
	reactor(t, s, "publish", "b", "--drop")

	reactor(t, s, "publish", "mended")
	isWhole(t, s, whole)
	if got := branches(t, s); len(got) != 0 {
		t.Errorf("a published branch stays: %v", got)
	}
	steps := len(snapshots(t, s, "gold.daily_summary"))
	s.Put(t, assetsKey("d.json"), assets(day(time.June, 3), asset("bitcoin", "103", "11")), nil)
	s.Wait(t, assetsKey("d.json"))
	if n := len(snapshots(t, s, "gold.daily_summary")); n != steps+1 {
		t.Errorf("gold made %d snapshots after the branch was published, want the one of a new object", n-steps)
	}
	checkEqual(t, s)
}

func TestABranchThatMainHasLeftBehindIsMadeAnew(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, _ := damaged(t)
	replayOnto(t, s, "--branch", "mended")
	s.Put(t, assetsKey("d.json"), assets(day(time.June, 3), asset("bitcoin", "103", "11")), nil)
	s.Wait(t, assetsKey("d.json"))
	if got := branches(t, s); got["mended"] != "main has moved on" {
		t.Errorf("branches: %v", got)
	}
	r := s.Run(t, "reactor", "publish", "mended")
	if r.Code != 1 || !strings.Contains(r.Stderr, "silver.asset_snapshots") || !strings.Contains(r.Stderr, "--refresh") {
		t.Errorf("want exit code 1 and a way out: %s", r)
	}
	reactor(t, s, "publish", "mended", "--refresh")
	checkEqual(t, s)
	if n := count(t, s, "select count(*) as n from silver.asset_snapshots"); n != 5 {
		t.Errorf("silver has %d rows, want 5", n)
	}
}

func TestADroppedBranchLeavesNothing(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, _ := damaged(t)
	before := differing(t, s)
	replayOnto(t, s, "--branch", "mended")
	reactor(t, s, "publish", "mended", "--drop")
	if got := branches(t, s); len(got) != 0 {
		t.Errorf("branches: %v", got)
	}
	if after := differing(t, s); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("check differs by %v, before the branch by %v", after, before)
	}
	replayOnto(t, s, "--branch", "mended") // the name is free again
}

// A branch whose replay was stopped is refused, and a failed audit stops a replay before anybody can publish it.
func TestAnIncompleteBranchIsNotPublished(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, whole := damaged(t)
	models := newModels(t)
	models.write(t, "audits/no_ethereum.sql", "-- audit: no_ethereum\n-- of: gold.daily_summary\nselect * from gold.daily_summary where asset_id = 'ethereum'\n")
	r := s.Run(t, "reactor", "replay", "--branch", "mended", "--models", models.dir)
	if r.Code != 1 || !strings.Contains(r.Stderr, "no_ethereum") {
		t.Errorf("want exit code 1 and the audit's name: %s", r)
	}
	if got := branches(t, s); got["mended"] != "not complete" {
		t.Errorf("branches: %v", got)
	}
	if r := s.Run(t, "reactor", "publish", "mended"); r.Code != 1 || !strings.Contains(r.Stderr, "not complete") {
		t.Errorf("want exit code 1 and why: %s", r)
	}
	reactor(t, s, "publish", "mended", "--drop")
	reactor(t, s, "replay", "--branch", "mended")
	reactor(t, s, "publish", "mended")
	isWhole(t, s, whole)
}

// Dead letters that another limit lets in are answered by the branch that brings them.
func TestABranchAnswersDeadLetters(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t, stack.WithoutReactor())
	startReactor(t, s, "MILLRACE_MAX_ROWS=1")
	s.Put(t, assetsKey("two.json"), assets(day(time.June, 1), asset("bitcoin", "100", "10"), asset("tether", "1", "5")), nil)
	stack.Eventually(t, "there is a dead letter", func() bool { return len(deadLetters(t, s)) == 1 })
	lines := replayOnto(t, s, "--dead-letters", "--branch", "wider", "--max-rows", "10")
	if lines["silver.asset_snapshots"].Inserted != 2 || lines["gold.rankings"].Inserted != 2 {
		t.Errorf("the branch differs by %v", lines)
	}
	if n := len(deadLetters(t, s)); n != 1 {
		t.Errorf("%d dead letters before the branch is published, want 1", n)
	}
	reactor(t, s, "publish", "wider")
	if n := len(deadLetters(t, s)); n != 0 {
		t.Errorf("%d dead letters after the branch is published, want none", n)
	}
	checkEqual(t, s)
}

// Publishing beside live traffic loses nothing of either. An object comes every two seconds: the time between two has to be
// enough to make the branch anew.
func TestABranchIsPublishedBesideLiveTraffic(t *testing.T) {
	t.Parallel() // it waits more than it works
	s, _ := damaged(t)
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- n
				return
			case <-time.After(2 * time.Second):
			}
			s.Put(t, assetsKey(fmt.Sprintf("live-%d.json", n)), assets(day(time.June, 3).Add(time.Duration(n)*time.Hour), asset("bitcoin", "103", "11")), nil)
		}
	}()
	stack.Eventually(t, "objects arrive", func() bool { return len(ledger(t, s)) > 4 })
	reactor(t, s, "replay", "--branch", "mended")
	stack.Eventually(t, "main moves on", func() bool { return branches(t, s)["mended"] == "main has moved on" })
	reactor(t, s, "publish", "mended", "--refresh")
	close(stop)
	n := 3 + <-done
	stack.Eventually(t, "all objects are in the ledger", func() bool { return len(ledger(t, s)) == n })
	settled(t, s)
	checkEqual(t, s)
	if got := count(t, s, "select count(*) as n from silver.asset_snapshots"); got != n+1 {
		t.Errorf("silver has %d rows, want %d", got, n+1)
	}
}

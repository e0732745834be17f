package replay_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/reactor/lake"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/harness/foreign"
)

// staged is a branch that another engine writes.
type staged struct {
	*harness.Stack
	name, run string
	objects   []map[string]any // as reactor stage prints them
	engine    *foreign.Engine  // on the branch, in the name of the run
}

func stageBranch(t *testing.T, s *harness.Stack, name string) *staged {
	t.Helper()
	objects := harness.Rows[map[string]any](t, s, "stage", name)
	if len(objects) == 0 {
		t.Fatal("reactor stage lists no object")
	}
	l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), "sqlite:///"+s.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	on, err := l.OnBranch(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	run := objects[0]["run"].(string)
	return &staged{s, name, run, objects, foreign.On(t, on).As(lake.RunProperty, run)}
}

// adopt runs reactor adopt for all objects of the branch; dead says of some why they cannot be read.
func (s *staged) adopt(t *testing.T, dead map[string]string) harness.Result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "covered.jsonl")
	var text strings.Builder
	for _, o := range s.objects {
		if reason, ok := dead[filepath.Base(o["key"].(string))]; ok {
			o["dead"] = reason
		}
		line, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.Run(t, "reactor", "adopt", s.name, file, "--output", "json")
}

func (s *staged) refused(t *testing.T, says ...string) {
	t.Helper()
	r := s.adopt(t, nil)
	if r.Code != 1 {
		t.Errorf("adopt ends with %d", r.Code)
	}
	for _, text := range says {
		if !strings.Contains(r.Stderr, text) {
			t.Errorf("adopt does not say %q: %s", text, r)
		}
	}
	if state := branches(t, s.Stack)[s.name]; state != "not complete" {
		t.Errorf("the branch is %q", state)
	}
	if r := s.Run(t, "reactor", "publish", s.name); r.Code == 0 {
		t.Errorf("it can be published: %s", r)
	}
	s.Reactor(t, "publish", s.name, "--drop")
}

const same = "select * from before"

// What another engine writes onto a branch is published with the ledger when it is what the reactor computes, but for the last bits of
// doubles, which the reactor settles; and it is refused when it is anything else.
func TestWhatAnotherEngineWritesOntoABranchIsTakenOver(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	s.PutAndWait(t, coin.AssetsKey("a.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "100.3", "10"), coin.Asset("tether", "1.1", "5")), nil)
	s.PutAndWait(t, coin.AssetsKey("b.json"), coin.Assets(coin.Day(time.June, 2), coin.Asset("bitcoin", "101.7", "11"), coin.Asset("tether", "0.9", "5")), nil)
	s.Put(t, coin.AssetsKey("broken.json"), []byte(`{"error":"quota"}`), nil)
	s.AwaitDeadLetters(t, 1)
	s.Settled(t)
	before := s.Contents(t, harness.Tables...)

	t.Run("nothing is written", func(t *testing.T) {
		stageBranch(t, s, "empty").refused(t, "has not written silver.asset_snapshots")
	})
	t.Run("another run has written silver", func(t *testing.T) {
		b := stageBranch(t, s, "other")
		b.engine.As(lake.RunProperty, "another").Replace("silver.asset_snapshots", same)
		b.refused(t, "silver.asset_snapshots was written on the branch by run=another")
	})
	t.Run("a decimal of gold is another", func(t *testing.T) {
		b := stageBranch(t, s, "decimal")
		b.engine.Replace("silver.asset_snapshots", same)
		b.engine.Update("gold.daily_summary", "asset_id = 'tether'", "close + 0.0000000000000000000000000001 as close")
		b.refused(t, "gold.daily_summary", "close", "is not what this program computes")
	})
	t.Run("a double of gold is another", func(t *testing.T) {
		b := stageBranch(t, s, "double")
		b.engine.Replace("silver.asset_snapshots", same)
		b.engine.Update("gold.rankings", "asset_id = 'tether'", "dominance_pct * 1.00000001 as dominance_pct")
		b.refused(t, "gold.rankings", "dominance_pct", "is not what this program computes")
	})
	t.Run("a row of gold is missing", func(t *testing.T) {
		b := stageBranch(t, s, "missing")
		b.engine.Replace("silver.asset_snapshots", same)
		b.engine.Delete("gold.market_summary", "day = '2025-06-01'")
		b.refused(t, "gold.market_summary", "inserted")
	})
	t.Run("a price of silver is another", func(t *testing.T) { // adoption believes silver, and only the proof reads bronze
		b := stageBranch(t, s, "silver")
		if r := s.Run(t, "reactor", "check", "--branch", "silver"); r.Code != 1 || !strings.Contains(r.Stderr, "not complete") {
			t.Errorf("a branch that is not complete is checked: %s", r)
		}
		b.engine.Update("silver.asset_snapshots", "asset_id = 'tether'", "market_cap_usd + 1 as market_cap_usd")
		if r := b.adopt(t, nil); r.Code != 0 {
			t.Fatalf("adopt: %s", r)
		}
		verdicts := harness.Verdicts(t, s.Run(t, "reactor", "check", "--branch", "silver", "--output", "json"), 1)
		if v := verdicts["silver.asset_snapshots"]; v.Equal || v.Missing != 2 || v.Excess != 2 || v.Mends != "reactor publish silver --drop" {
			t.Errorf("the proof of a branch with other silver says %+v", v)
		}
		s.CheckEqual(t) // main is what it was
		s.Reactor(t, "publish", "silver", "--drop")
	})
	s.SameContents(t, "after the branches were refused", before)

	b := stageBranch(t, s, "good")
	b.engine.Replace("silver.asset_snapshots", same)
	b.engine.Replace("gold.daily_summary", "select * replace (avg_price * 1.0000000000000003 as avg_price) from before")
	r := b.adopt(t, map[string]string{"broken.json": "it has no data"})
	if r.Code != 0 {
		t.Fatalf("adopt: %s", r)
	}
	var settled []struct {
		Table string
		Rows  int     `json:"rows_settled"`
		Worst float64 `json:"worst_relative"`
		Where string  `json:"columns"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &settled); err != nil || len(settled) != 1 || settled[0].Table != "gold.daily_summary" || settled[0].Rows != 4 || settled[0].Worst > 1e-15 || settled[0].Where != "avg_price 4" {
		t.Errorf("adopt says %s (%v)", r.Stdout, err)
	}
	for _, v := range harness.Verdicts(t, s.Run(t, "reactor", "check", "--branch", "good", "--output", "json"), 0) {
		if !v.Equal {
			t.Errorf("the branch's %s is not what bronze gives: %+v", v.Table, v)
		}
	}
	s.Reactor(t, "publish", "good")
	s.SameContents(t, "after the good branch was published", before)
	s.CheckEqual(t)
	for _, e := range s.Ledger(t) {
		if e.Run != b.run {
			t.Errorf("the ledger has %s by run %q", e.Object(), e.Run)
		}
	}
}

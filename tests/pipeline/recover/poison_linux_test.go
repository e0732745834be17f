package recover_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// A poison is something that ends the process whenever it is worked on. These tests send the signal that a fault in C++ raises, at the
// moment when the reactor says in its notes that it is at work on it: to the process, and to the child that tries the object.

// poisoned is a reactor that nobody waits for: it may never be ready.
type poisoned struct {
	*harness.Process
	addr  string
	began time.Time
}

func startPoisoned(t *testing.T, s *harness.Stack, env ...string) poisoned {
	t.Helper()
	addr, began := harness.FreeAddress(t), time.Now()
	p := harness.Launch(t, append(append(s.Env(t, "reactor"), "MILLRACE_HTTP_ADDR="+addr), env...), "reactor", "run")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of reactor %d: %s", p.PID(), p.Stderr())
		}
	})
	return poisoned{p, addr, began}
}

// crashAt sends a segmentation fault to a reactor when a file of its home says that it works on something, and waits for its end.
func crashAt(t *testing.T, s *harness.Stack, p poisoned, files, work string) {
	t.Helper()
	harness.Eventually(t, "the reactor works on "+work, func() bool {
		if p.Ended() {
			t.Fatalf("the reactor ended: %s", p.Stderr())
		}
		return noted(s, p.began, files, work) && syscall.Kill(p.PID(), syscall.SIGSEGV) == nil
	})
	p.Wait(t)
}

// noted tells whether one of the files that were written since a time names something. A reactor that died leaves its notes.
func noted(s *harness.Stack, since time.Time, files, work string) bool {
	found, _ := filepath.Glob(filepath.Join(s.Home, files))
	for _, f := range found {
		info, err := os.Stat(f)
		if err != nil || info.ModTime().Before(since) {
			continue
		}
		if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte(work)) {
			return true
		}
	}
	return false
}

// childOf is the process that a process runs with an argument, 0 while there is none.
func childOf(parent int, argument string) int {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		stat, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) && bytes.Contains(command, []byte("\x00"+argument+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			return pid
		}
	}
	return 0
}

// An object that ends whatever decodes it becomes a dead letter after two deaths and a trial, and its neighbours are in gold within
// seconds of that.
func TestAPoisonObjectIsADeadLetterAndItsNeighboursArrive(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	poison, first := coin.AssetsKey("poison.ndjson"), coin.AssetsKey("good-0.json")
	row := `{"id":"coin-%d","timestamp":1748736000000,"priceUsd":"1","marketCapUsd":"1"}` + "\n"
	var body bytes.Buffer
	for i := range 300_000 { // large enough to be noted, and to be caught at work
		fmt.Fprintf(&body, row, i)
	}
	s.Put(t, poison, body.Bytes(), nil)
	s.Put(t, first, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	for range 2 {
		p := startPoisoned(t, s)
		crashAt(t, s, p, "decoding/*.json", poison)
	}
	p := startPoisoned(t, s)
	harness.Eventually(t, "a child tries the object", func() bool {
		if p.Ended() {
			t.Fatalf("the reactor ended: %s", p.Stderr())
		}
		child := childOf(p.PID(), "decode")
		return child != 0 && syscall.Kill(child, syscall.SIGKILL) == nil
	})
	s.AwaitDeadLetters(t, 1)
	began := time.Now()
	second := coin.AssetsKey("good-1.json")
	s.Put(t, second, coin.Assets(coin.Day(time.June, 2), coin.Asset("bitcoin", "2", "1")), nil)
	s.Wait(t, first, second)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the neighbours were in gold after %v", took)
	}
	letter := s.DeadLetters(t)[0]
	if letter.Key == nil || *letter.Key != poison || !strings.Contains(letter.Reason, "it killed its reader twice, and again in a process of its own: signal: killed") {
		t.Errorf("the dead letter is %+v", letter)
	}
	if n := s.Count(t, "select count(*) from silver.asset_snapshots where source_key = '"+poison+"'"); n != 0 {
		t.Errorf("silver has %d rows of it", n)
	}
	if p.Ended() {
		t.Errorf("the reactor ended: %s", p.Stderr())
	}
}

// A model that crashes the reactor is held the third time: the others go on, and readiness says which.
func TestAModelThatCrashesTheReactorIsHeld(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	own := harness.NewModels(t)
	// 20 assets to the power of six: a second for each day.
	own.Write(t, "heavy.sql", `-- model: gold.heavy
-- grain: day
-- lookback: 0 days
select a.day, count(*)::int as n
from gold.daily_summary as a join gold.daily_summary as b using (day) join gold.daily_summary as c using (day)
join gold.daily_summary as d using (day) join gold.daily_summary as e using (day) join gold.daily_summary as f using (day)
where a.n_samples + b.n_samples + c.n_samples + d.n_samples + e.n_samples + f.n_samples > 0
group by a.day
`)
	put := func(day int) string {
		t.Helper()
		var list []string
		for i := range 20 {
			list = append(list, coin.Asset(fmt.Sprintf("coin-%d", i), "1", "1"))
		}
		key := coin.AssetsKey(fmt.Sprintf("%d.json", day))
		s.Put(t, key, coin.Assets(coin.Day(time.June, day), list...), nil)
		return key
	}
	put(1)
	for range 2 {
		p := startPoisoned(t, s, own.Env())
		crashAt(t, s, p, "computing/*/now", "gold.heavy")
	}
	p := startPoisoned(t, s, own.Env())
	put(2)
	harness.Eventually(t, "readiness names the model", func() bool {
		if p.Ended() {
			t.Fatalf("the reactor ended: %s", p.Stderr())
		}
		code, said := 0, ""
		if noted(s, p.began, "http.addr", p.addr) {
			code, said = harness.Get(t, "http://"+p.addr+"/readyz")
		}
		return code == 503 && strings.Contains(said, "heavy.sql: gold.heavy cannot be computed: the reactor crashed 2 times while it was computed: SIGSEGV")
	})
	harness.Eventually(t, "the other models have both days", func() bool {
		return s.Count(t, "select count(*) from gold.daily_summary") == 40 && s.Count(t, "select count(*) from gold.market_summary") == 2
	})
	if n := s.Count(t, "select count(*) from gold.heavy"); n != 0 {
		t.Errorf("the table of the model has %d rows", n)
	}

	p.Stop(t)
	own.Write(t, "heavy.sql", "-- model: gold.heavy\n-- grain: day\n-- lookback: 0 days\nselect day, count(*)::int as n from gold.daily_summary group by day\n")
	s.StartReactor(t, own.Env())
	if n := s.Count(t, "select count(*) from gold.heavy"); n != 2 {
		t.Errorf("mended, the table has %d rows, want 2", n)
	}
	s.CheckEqual(t, own.Env())
}

//go:build spark

package spark

import (
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
)

// The reactor rebuilds a lake from bronze onto main, and Spark onto a branch, on one machine and on a cluster. All seven tables are
// equal, row by row, and the reactor goes on from Spark's. With -days 3650 -hours 2160 that is ten years of 22 coins and 216,000 rows of
// hourly snapshots.
func TestBothEnginesRebuildTheSameTables(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		rebuiltByBoth(t, func(l *harness.Stack, env []string, branch string) (*harness.Process, *usage) {
			began := time.Now()
			p := start(t, env, branch)
			return p, measure(t, began, p.PID())
		})
	})
	t.Run("cluster", func(t *testing.T) {
		rebuiltByBoth(t, func(l *harness.Stack, env []string, branch string) (*harness.Process, *usage) {
			c := startCluster(t, l)
			began := time.Now()
			p := submit(t, env, c, branch)
			return p, measure(t, began, p.PID(), c.pids()...)
		})
	})
}

func rebuiltByBoth(t *testing.T, spark func(l *harness.Stack, env []string, branch string) (*harness.Process, *usage)) {
	l := harness.Start(t, harness.WithoutReactor())
	folder, list := generate(t, python(t))
	list = append(list, hourly(t)...)
	put(t, l, folder, list)
	t.Logf("%d object versions; the reactor: %s", len(list), reactorRebuilds(t, l, len(list)))
	p, u := spark(l, environment(t, l, l.StartIceberg(t, nil), "local[2]"), "by-spark")
	t.Logf("Spark: %s", ended(t, p, u))

	name, run := onlyBranch(t, l)
	exactly(t, l, run, harness.Tables...)
	branchIsEqual(t, l, name)
	l.Reactor(t, "publish", name)
	current := l.Current(t)
	l.StartReactor(t)
	l.Settled(t)
	same(t, l, "after the reactor has started on what Spark wrote", current)
	l.CheckEqual(t)
}

// reactorRebuilds has a reactor promote all that is in bronze, and stops it when gold has all of it.
func reactorRebuilds(t *testing.T, l *harness.Stack, objects int) used {
	t.Helper()
	began := time.Now()
	r := l.StartReactor(t)
	u := measure(t, began, r.PID())
	await(t, "the reactor has promoted all objects", func() bool {
		time.Sleep(often)
		goesOn(t, r.Process)
		return len(l.Ledger(t)) >= objects
	})
	await(t, "gold has all of silver", func() bool { // a commit of that size is announced later than Settled looks
		behind, err := catalog.Look(t.Context(), l.Catalog(), (*catalog.Catalog).GoldBehind)
		if err != nil {
			t.Fatal(err)
		}
		goesOn(t, r.Process)
		return behind == 0
	})
	l.Settled(t)
	took := u.end(t)
	r.StopInOrder(t)
	return took
}

// goesOn fails the test if a reactor has ended.
func goesOn(t *testing.T, r *harness.Process) {
	t.Helper()
	if r.Ended() {
		t.Fatalf("the reactor has ended: %s", r.Wait(t))
	}
}

// ended waits for the good end of a run of rebuild.py and says what it took.
func ended(t *testing.T, p *harness.Process, u *usage) used {
	t.Helper()
	await(t, "rebuild.py ends", p.Ended)
	took := u.end(t)
	if end := p.Wait(t); end.Code != 0 {
		t.Fatalf("rebuild.py: exit code %d\n%s", end.Code, tail(p))
	}
	t.Log(lines(said(p)))
	return took
}

// branchIsEqual has a branch proved against bronze before it is main.
func branchIsEqual(t *testing.T, l *harness.Stack, name string) {
	t.Helper()
	for table, v := range harness.Verdicts(t, l.RunWithin(t, within, "check", "--branch", name, "--output", "json"), 0) {
		if !v.Equal {
			t.Errorf("%s on branch %s is not what bronze gives: %s", table, name, strings.Join([]string{v.Cause, v.FirstWrong}, "; "))
		}
	}
}

//go:build spark

package spark

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// settled is a line of rebuild.py about a table of gold.
var settled = regexp.MustCompile(`(gold\.\w+): (?:(\d+) rows differed in the last bits of a double, by (\S+) at most|the same bits)`)

// nearDoubles is how far a double of Spark's may be from the reactor's, as a part of it.
const nearDoubles = 1e-12

// atOnce bounds, in ms, how long an object takes to gold on a machine that does other things as well. Without Spark it is some 100 ms.
const atOnce = 5000

// Spark brings what the reactor has, and what came while it was away. Then the reactor goes on.
func TestSparkComputesTheSameTablesAndTheReactorGoesOn(t *testing.T) {
	l := harness.Start(t, harness.WithoutReactor())
	folder, list := generate(t, python(t))
	reactor := l.StartReactor(t)
	put(t, l, folder, list[:len(list)*4/5])
	l.AwaitLedger(t, len(list)*4/5)
	l.Settled(t)
	reactor.StopInOrder(t)
	put(t, l, folder, list[len(list)*4/5:])

	env := environment(t, l, l.StartIceberg(t, nil), "local[2]")
	began := time.Now()
	said := run(t, env, "by-spark")
	t.Logf("%d objects in %.1f s:\n%s", len(list), time.Since(began).Seconds(), lines(said))
	nearEnough(t, said)
	name, made := onlyBranch(t, l)
	branchIsEqual(t, l, name)
	l.Reactor(t, "publish", name)

	for _, e := range l.Ledger(t) {
		if e.Run != made { // dead ones that no dead letter tells of are left to the reactor
			t.Errorf("the ledger has %s by run %q, not by %s", e.Object(), e.Run, made)
		}
	}
	for _, table := range harness.SilverTables {
		all := l.Snapshots(t, table)
		if by := all[len(all)-1].MadeBy; !strings.Contains(by, "made-by=spark") || !strings.Contains(by, "run="+made) {
			t.Errorf("reactor snapshots %s says %q", table, by)
		}
	}
	for _, table := range harness.GoldTables {
		writtenBy(t, l, table, made) // the reactor's snapshot may follow it, with the last bits
	}

	current := l.Current(t)
	l.StartReactor(t)
	l.Settled(t) // events of the objects that came while it was away
	same(t, l, "after the start", current)
	l.CheckEqual(t) // all of what Spark wrote, recomputed by the reactor from bronze, row by row
	l.Reactor(t, "replay", "--wait")
	same(t, l, "after a replay of everything", current)
	at := coin.Day(time.July, 1)
	key := coin.AssetsKey("afterwards.json")
	l.Put(t, key, coin.Assets(at, coin.Asset("bitcoin", "12345", "5")), nil)
	for step, ms := range l.WaitSteps(t, key)[key] {
		if ms > atOnce {
			t.Errorf("an object that came afterwards was in %s after %d ms", step, ms)
		}
	}
	if got := l.CSV(t, fmt.Sprintf("select close::integer as c from gold.daily_summary where asset_id = 'bitcoin' and day = '%s'", at.Format(time.DateOnly))); got != "c\n12345\n" {
		t.Errorf("an object that came afterwards is in gold as %q", got)
	}
	l.CheckEqual(t)
}

// nearEnough judges what rebuild.py says of the doubles that the reactor settled.
func nearEnough(t *testing.T, said string) {
	t.Helper()
	tables := settled.FindAllStringSubmatch(said, -1)
	if len(tables) != len(harness.GoldTables) {
		t.Fatalf("rebuild.py says nothing of some tables of gold:\n%s", said)
	}
	for _, m := range tables {
		if off, _ := strconv.ParseFloat(m[3], 64); m[3] != "" && off > nearDoubles {
			t.Errorf("%s: a double of Spark's is %s off", m[1], m[3])
		}
	}
}

// same fails for each table that has a later snapshot than before, but for those of upkeep, which writes the same rows into fewer files.
func same(t *testing.T, l *harness.Stack, when string, before map[string]int64) {
	t.Helper()
	for table, id := range before {
		all := l.Snapshots(t, table)
		at := slices.IndexFunc(all, func(s harness.Snapshot) bool { return s.Snapshot == id })
		for _, s := range all[at+1:] {
			if at < 0 || s.Operation != "replace" {
				t.Errorf("%s: %s had snapshot %d and has another: %+v", when, table, id, s)
			}
		}
	}
}

// lines are rebuild.py's own among all that was logged.
func lines(said string) string {
	return strings.Join(regexp.MustCompile(`(?m)^ *\d+\.\d s  .*$`).FindAllString(said, -1), "\n")
}

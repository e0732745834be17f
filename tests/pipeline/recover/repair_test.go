package recover_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/harness/foreign"
)

// wounded is a lake whose tables get wounds one after the other. A check names each of them, and the command that the check prints
// mends it.
type wounded struct {
	*harness.Stack
	*foreign.Engine
	t       *testing.T
	reactor *harness.Reactor
	own     harness.Models
	before  map[string]string // contents of the tables
}

// wound is what a check has to say of a table.
type wound struct {
	table    string
	snapshot int64  // of the other engine, 0 when none did it
	cause    string // a part of it
	day, key string // of the first row
	role     string // who runs the command; "" is the reactor
}

func newWounded(t *testing.T) *wounded {
	t.Helper()
	w := &wounded{Stack: harness.Start(t, harness.WithoutReactor()), t: t, own: harness.NewModels(t)}
	w.own.Write(t, "window.sql", "-- model: gold.window\n-- grain: asset_id, day\n-- lookback: 6 days\n"+
		"select asset_id, day, min(low) over (partition by asset_id order by day range between interval 13 days preceding and current row) as lowest from gold.daily_summary\n")
	w.Engine = foreign.Open(t, foreign.Place{Client: w.Client(), Bucket: w.Bucket(), Catalog: "sqlite:///" + w.Catalog()})
	w.reactor = w.StartReactor(t, w.own.Env())
	return w
}

// put puts the prices of two assets on a day of June, as the object of that day.
func (w *wounded) put(day int, price string) string {
	w.t.Helper()
	key := coin.AssetsKey(fmt.Sprintf("%02d.json", day))
	w.Put(w.t, key, coin.Assets(coin.Day(time.June, day), coin.Asset("bitcoin", price, "20"), coin.Asset("ethereum", price, "10")), nil)
	w.Wait(w.t, key)
	return key
}

func (w *wounded) settled() {
	w.t.Helper()
	w.Settled(w.t)
	w.CheckEqual(w.t, w.own.Env())
	w.before = w.Contents(w.t, append([]string{"gold.window"}, harness.Tables...)...)
}

// check has the wound named, and mended by the very command that is printed with it.
func (w *wounded) check(what string, want wound) {
	w.t.Helper()
	if w.reactor != nil {
		w.Settled(w.t)
	}
	// As a person does who names the folder on the command line: the command that is printed has to name it as well.
	r := w.Run(w.t, "reactor", "check", "--output", "json", "--models", w.own.Dir)
	verdicts := harness.Verdicts(w.t, r, 1)
	for _, v := range verdicts {
		if v.Equal != (v.Mends == "") || v.Equal != (v.Cause == "") {
			w.t.Errorf("%s: every table that differs needs a cause and a command: %+v", what, v)
		}
	}
	v := verdicts[want.table]
	if v.Equal || !strings.Contains(v.Cause, want.cause) || v.Snapshot != want.snapshot || v.Day != want.day || !strings.Contains(v.FirstWrong, want.key) {
		w.t.Errorf("%s: the check says %+v of %s, want %+v", what, v, want.table, want)
	}
	if want.snapshot != 0 && !strings.HasPrefix(v.MadeBy, foreign.Name) {
		w.t.Errorf("%s: made by %q, want %q", what, v.MadeBy, foreign.Name)
	}
	if text := w.Run(w.t, "reactor", "check", "--models", w.own.Dir); text.Code != 1 || !strings.Contains(text.Stdout, "mends") || !strings.Contains(strings.Join(strings.Fields(text.Stdout), " "), strings.Fields(v.Mends)[1]) {
		w.t.Errorf("%s: the table of the check does not say what mends it: %s", what, text)
	}
	role := want.role
	if role == "" {
		role = "reactor"
	}
	if r := w.Shell(w.t, role, v.Mends); r.Code != 0 {
		w.t.Fatalf("%s: the command that mends it, %s: %s", what, v.Mends, r)
	}
	w.CheckEqual(w.t, w.own.Env())
	w.SameContents(w.t, what, w.before)
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// dry shows what a repair would do to a table. That nothing is done, the check says that comes next.
func (w *wounded) dry(table, inserted, deleted, updated string) {
	w.t.Helper()
	before := w.repairs(table)
	r := w.RunEnv(w.t, []string{w.own.Env()}, "reactor", "repair", "--output", "csv")
	if r.Code != 0 || !strings.Contains(r.Stdout, strings.Join([]string{table, inserted, deleted, updated}, ",")) || !strings.Contains(r.Stderr, "reactor repair --yes") {
		w.t.Errorf("a repair that is not confirmed: %s", r)
	}
	if now := w.repairs(table); now != before {
		w.t.Errorf("it made %d snapshots of %s", now-before, table)
	}
}

// repairs counts the snapshots of a table that say that a repair made them.
func (w *wounded) repairs(table string) int {
	w.t.Helper()
	return strings.Count(fmt.Sprint(w.Snapshots(w.t, table)), "made-by=repair")
}

func TestACheckNamesEachWoundAndTheCommandThatMendsIt(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWounded(t)
	for day := 1; day <= 14; day++ { // falling prices: the model's lookback does not matter
		w.put(day, fmt.Sprint(100-day))
	}
	w.settled()
	const silver, gold, price = "silver.asset_snapshots", "gold.daily_summary", "999 as price_usd"
	bitcoin := func(day int) string {
		return fmt.Sprintf("asset_id = 'bitcoin' and %%s = '2025-06-%02d'", day)
	}
	ofSilver, ofGold := fmt.Sprintf(bitcoin(3), "observed_at::date"), fmt.Sprintf(bitcoin(3), "day")

	// A row of an existing key, from the future: nothing that comes later wins against it. And one of a key that nobody knows.
	w.Append(silver, "select * replace ('dogecoin' as asset_id) from before where "+ofSilver)
	id := w.Append(silver, "select * replace ("+price+", timestamptz '2099-01-01 00:00:00+00' as source_modified_at) from before where "+ofSilver)
	w.dry(silver, "0", "2", "0")
	w.check("insert into silver", wound{table: silver, snapshot: id, cause: "another engine changed it", day: "2025-06-03", key: "too many: bitcoin 2025-06-03"})
	id = w.Update(silver, ofSilver, price)
	w.dry(silver, "0", "0", "1")
	w.check("update of silver", wound{table: silver, snapshot: id, cause: "another engine changed it", day: "2025-06-03", key: "missing: bitcoin 2025-06-03"})
	id = w.Delete(silver, ofSilver)
	w.check("delete from silver", wound{table: silver, snapshot: id, cause: "another engine changed it", day: "2025-06-03", key: "missing: bitcoin 2025-06-03"})

	w.Append(gold, "from before where "+ofGold)
	id = w.Append(gold, "select * replace (date '2013-05-01' as day) from before where "+ofGold)
	w.check("insert into gold", wound{table: gold, snapshot: id, cause: "another engine changed it", day: "2013-05-01", key: "too many: bitcoin 2013-05-01"})
	id = w.Update(gold, ofGold, "1 as close")
	w.dry(gold, "0", "0", "1")
	w.check("update of gold", wound{table: gold, snapshot: id, cause: "another engine changed it", day: "2025-06-03", key: "missing: bitcoin 2025-06-03"})
	id = w.Delete(gold, ofGold)
	w.check("delete from gold", wound{table: gold, snapshot: id, cause: "another engine changed it", day: "2025-06-03", key: "missing: bitcoin 2025-06-03"})

	w.deletedVersion(silver)
	w.hiddenPrefix(silver)
	w.wrongLookback()
	for _, table := range []string{silver, gold} {
		if w.repairs(table) == 0 {
			t.Errorf("no snapshot of %s says that a repair made it", table)
		}
	}
}

// deletedVersion deletes a version while no reactor runs that would notice.
func (w *wounded) deletedVersion(silver string) {
	w.t.Helper()
	at := coin.Day(time.June, 5).Add(time.Hour)
	key := coin.AssetsKey("deleted.json")
	put := w.PutAndWait(w.t, key, coin.Assets(at, coin.Asset("bitcoin", "7", "20")), nil)
	w.Settled(w.t)
	w.reactor.StopInOrder(w.t)
	w.reactor = nil
	w.Remove(w.t, key, put.VersionID)
	w.check("deleted version", wound{table: silver, cause: "was deleted from bronze", day: "2025-06-05", key: "too many: bitcoin 2025-06-05"})
	w.reactor = w.StartReactor(w.t, w.own.Env())
	w.Settled(w.t)
	if letters := w.DeadLetters(w.t); len(letters) != 0 {
		w.t.Errorf("dead letters: %+v", letters)
	}
}

// hiddenPrefix puts an object whose key is a folder of others.
func (w *wounded) hiddenPrefix(silver string) {
	w.t.Helper()
	w.Put(w.t, "bronze/coincap/assets", []byte("{}"), nil)
	harness.Eventually(w.t, "the reactor alarms", func() bool {
		code, _ := harness.Get(w.t, "http://"+w.reactor.Addr+"/readyz")
		return code == http.StatusServiceUnavailable
	})
	if r := w.RunEnv(w.t, []string{w.own.Env()}, "reactor", "repair", "--yes"); r.Code != 1 || !strings.Contains(r.Stderr, "reactor retract bronze/coincap/assets") {
		w.t.Errorf("a repair takes what is hidden for deleted: %s", r)
	}
	w.check("hidden prefix", wound{table: silver, cause: "hides it from every listing", day: "2025-06-01", key: "too many: bitcoin 2025-06-01", role: "owner"})
}

// wrongLookback lets prices rise: a model that was verified while they fell now needs more days than it says. There are fewer than
// twice as many days, so nobody verifies it again.
func (w *wounded) wrongLookback() {
	w.t.Helper()
	for day := 15; day <= 22; day++ {
		w.put(day, fmt.Sprint(100+day))
	}
	w.Settled(w.t)
	w.before = w.Contents(w.t, harness.Tables...) // of the model's own table it is not known here
	w.check("wrong lookback", wound{table: "gold.window", cause: filepath.Join(w.own.Dir, "window.sql") + ":3", day: "2025-06-21", key: "missing: bitcoin 2025-06-21"})
	w.t.Log(w.CSV(w.t, "from gold.window order by all desc limit 4"))
	w.put(23, "123")
	harness.Eventually(w.t, "readiness says what is wrong with the model", func() bool {
		_, text := harness.Get(w.t, "http://"+w.reactor.Addr+"/readyz")
		return strings.Contains(text, "window.sql:3")
	})
}

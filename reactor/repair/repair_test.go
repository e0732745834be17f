package repair_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/lineage"
	"millrace/reactor/progress"
	"millrace/reactor/promote"
	"millrace/reactor/proof"
	"millrace/reactor/reconcile"
	"millrace/reactor/repair"
	"millrace/reactor/rows"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
	"millrace/reactor/upkeep"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/harness/foreign"
)

// world is a lake with its promoters in the test's process, and another engine that writes to its tables.
type world struct {
	*testing.T
	lake   *lake.Lake
	bucket bucket.Bucket
	models *gold.Set
	silver map[string]*promote.Silver // by dataset
	gold   *promote.Gold
	other  *foreign.Engine
	random *rand.Rand

	mu    sync.Mutex // a promoter is for one goroutine
	queue []event.Delivery
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	s := harness.Start(t, harness.WithoutReactor())
	l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), "sqlite://"+t.TempDir()+"/catalog.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	inputs, err := tables.Inputs()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, lake: l, bucket: bucket.Bucket{Client: s.Client(), Name: s.Bucket()}, silver: map[string]*promote.Silver{}, random: rand.New(rand.NewPCG(seed, 3))}
	if w.models, err = gold.Load(t.Context(), inputs, ""); err != nil {
		t.Fatal(err)
	}
	db, err := duck.Open(duck.Config{MemoryLimit: "256MiB", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	cfg := promote.Config{Lake: l, Client: s.Client(), DB: db, Cache: rows.New(l)}
	for _, d := range datasets.All() {
		p, err := promote.NewSilver(cfg, d)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		if err := p.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.silver[d.Name] = p
	}
	if w.gold, err = promote.NewGold(cfg, w.models); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.gold.Close)
	if err := l.Create(t.Context(), w.gold.Tables()...); err != nil {
		t.Fatal(err)
	}
	w.other = foreign.On(t, l)
	return w
}

// put puts an object whose rows fight with others' over few keys. Its event waits in the queue.
func (w *world) put() {
	w.Helper()
	at := coin.Day(time.Month(3+w.random.IntN(2)), 1+w.random.IntN(3))
	var list []string
	for _, id := range []string{"bitcoin", "ethereum", "solana"} {
		if w.random.IntN(3) > 0 {
			list = append(list, coin.Asset(id, fmt.Sprint(1+w.random.IntN(1000)), fmt.Sprint(1+w.random.IntN(100))))
		}
	}
	if w.random.IntN(3) == 0 {
		list = append(list, `{"id":"broken","priceUsd":"-1"}`)
	}
	key, body := coin.AssetsKey(fmt.Sprintf("%d.json", w.random.IntN(9))), coin.Assets(at, list...)
	switch w.random.IntN(6) {
	case 0:
		key, body = coin.HistoryKey(fmt.Sprintf("bitcoin_d1_%d.json", w.random.IntN(3))), coin.Points(coin.Point(at, fmt.Sprint(1+w.random.IntN(1000))))
	case 1:
		body = []byte("<html>")
	}
	w.bring(key, body)
}

// bring puts an object, and its event into the queue.
func (w *world) bring(key string, body []byte) event.Object {
	w.Helper()
	info, err := w.bucket.Client.PutObject(w.Context(), w.bucket.Name, key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{})
	w.must(err)
	for _, o := range w.objects(key) {
		if o.Version == info.VersionID {
			w.queue = append(w.queue, event.Delivery{Object: o, Attempt: 1})
			return o
		}
	}
	w.Fatalf("%s is not listed", key)
	return event.Object{}
}

func (w *world) objects(prefix string) (all []event.Object) {
	w.Helper()
	for o, err := range reconcile.Objects(w.Context(), w.bucket, prefix) {
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// remove deletes a version. Its event comes, or nobody hears of it.
func (w *world) remove(heard bool) {
	w.Helper()
	all := w.objects("")
	if len(all) == 0 {
		return
	}
	w.removeVersion(all[w.random.IntN(len(all))], heard)
}

func (w *world) removeVersion(o event.Object, heard bool) {
	w.Helper()
	if err := w.bucket.Client.RemoveObject(w.Context(), w.bucket.Name, o.Key, s3.RemoveObjectOptions{VersionID: o.Version}); err != nil {
		w.Fatal(err)
	}
	if heard {
		o.Removed, o.ModifiedAt = true, time.Now().UTC().Truncate(time.Millisecond)
		w.queue = append(w.queue, event.Delivery{Object: o, Attempt: 1})
	}
}

// work lets the promoters take all events, in any order, and gold follow.
func (w *world) work() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.random.Shuffle(len(w.queue), func(i, j int) { w.queue[i], w.queue[j] = w.queue[j], w.queue[i] })
	for len(w.queue) > 0 {
		n := 1 + w.random.IntN(len(w.queue))
		byDataset := map[string][]event.Delivery{}
		for _, d := range w.queue[:n] {
			set, _, _ := tables.DatasetOf(d.Object)
			byDataset[set.Name] = append(byDataset[set.Name], d)
		}
		w.queue = w.queue[n:]
		for name, batch := range byDataset {
			for _, err := range w.silver[name].Handle(context.Background(), batch) {
				if action, _ := event.Outcome(err, 1); action == event.Retry {
					return err
				}
			}
		}
	}
	err := w.gold.Bring(context.Background())
	if action, _ := event.Outcome(err, 1); action == event.Dead {
		return nil // an audit stopped it: what another engine made of gold may be absurd, and stays until the repair
	}
	return err
}

// disturb changes some table as another engine may, and returns what it did.
func (w *world) disturb() string {
	w.Helper()
	all := []struct{ table, some, set, future string }{
		{"silver.asset_snapshots", "hash(asset_id, observed_at) %% %d = 0", "7 as price_usd", "timestamptz '2099-01-01 00:00:00+00' as source_modified_at"},
		{"silver.asset_prices", "hash(asset_id, observed_at) %% %d = 0", "7 as price_usd", "timestamptz '2099-01-01 00:00:00+00' as source_modified_at"},
		{tables.Rejected, "hash(source_key) %% %d = 0", "'mine' as reason", "'nobody' as source_key"},
		{"gold.daily_summary", "hash(asset_id, day) %% %d = 0", "1 as close", "date '2013-05-01' as day"},
		{"gold.rankings", "hash(asset_id, day) %% %d = 0", "99 as rank", "'nobody' as asset_id"},
		{"gold.market_summary", "hash(day) %% %d = 0", "99 as n_assets", "date '2031-01-01' as day"},
	}
	on := all[w.random.IntN(len(all))]
	some := fmt.Sprintf(on.some, 1+w.random.IntN(3))
	switch how := w.random.IntN(5); how {
	case 0:
		w.other.Append(on.table, "from before where "+some)
		return "copied rows of " + on.table
	case 1:
		w.other.Append(on.table, "select * replace ("+on.future+") from before where "+some)
		return "inserted into " + on.table
	case 2:
		w.other.Update(on.table, some, on.set)
		return "updated " + on.table
	case 3:
		w.other.Delete(on.table, some)
		return "deleted from " + on.table
	}
	w.other.Update(on.table, some, on.future)
	return "moved rows of " + on.table
}

// temporarily runs work with a database of its own.
func (w *world) temporarily(work func(*duck.DB) error) error {
	return duck.Temporary("256MiB", work)
}

// repair looks what is wrong, and mends it until ctx ends.
func (w *world) repair(ctx context.Context) error { return w.repairAfter(ctx, func() {}) }

// repairAfter is repair with something that happens after it has looked.
func (w *world) repairAfter(ctx context.Context, happens func()) error {
	return w.temporarily(func(db *duck.DB) error {
		r := &repair.Repair{Lake: w.lake, Bucket: w.bucket, Models: w.models, DB: db, AtOnce: w.random.Int64N(2), Show: progress.Silent} // a month a commit, or all
		if _, err := r.Look(ctx); err != nil {
			return err
		}
		happens()
		return r.Apply(ctx)
	})
}

// proved fails the test unless every table is what bronze gives.
func (w *world) proved(when string) {
	w.Helper()
	err := w.temporarily(func(db *duck.DB) error {
		view, err := w.lake.View(w.Context())
		if err != nil {
			return err
		}
		listed, err := proof.Listed(w.Context(), w.bucket)
		if err != nil {
			return err
		}
		check := &proof.Check{Lake: w.lake, Bucket: w.bucket, Models: w.models, DB: db, Progress: func(int) {}}
		report, err := check.Run(w.Context(), view, listed, time.Now())
		if err == nil && !report.Equal() {
			for _, v := range report.Verdicts {
				if !v.Equal() {
					w.Logf("%+v", v)
				}
			}
			err = fmt.Errorf("not equal: %+v, %+v, %+v", report.Unpromoted, report.Misjudged, report.Absent)
		}
		return err
	})
	if err != nil {
		w.Fatalf("%s: %v", when, err)
	}
}

// Whatever another engine does to the tables, between whatever events: after a repair the tables are a function of bronze, and of
// nothing else. Events go on coming in while it works, it is stopped in the middle, and its snapshots are the only ones it leaves.
func TestAfterARepairTheTablesAreWhatBronzeGives(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := newWorld(t, seed)
	for range 6 {
		w.put()
	}
	w.must(w.work())
	w.other.AddColumn("silver.asset_snapshots", "note", "mine")
	w.other.AddColumn("gold.rankings", "note", "mine")
	for round := range 6 {
		var did []string
		for range 3 + w.random.IntN(4) {
			switch n := w.random.IntN(8); {
			case n < 3:
				w.put()
			case n < 4:
				w.remove(w.random.IntN(2) == 0)
			case n < 5:
				w.must(w.work())
			default:
				did = append(did, w.disturb())
			}
		}
		did = append(did, w.disturb())
		when := fmt.Sprintf("round %d: %s", round, strings.Join(did, ", "))
		if round%3 == 0 {
			w.must(w.work())
			w.must(w.repair(t.Context()))
		} else {
			w.beside(round)
		}
		w.must(w.work())
		w.proved(when)
	}
	if !slices.ContainsFunc(w.snapshots("silver.asset_snapshots"), lake.Repaired) {
		t.Error("no snapshot says that a repair made it")
	}
}

// beside repairs while events come in, and is stopped in the middle before.
func (w *world) beside(round int) {
	w.Helper()
	stopped, stop := context.WithTimeout(w.Context(), time.Duration(200+w.random.IntN(1500))*time.Millisecond)
	defer stop()
	if err := w.repair(stopped); err != nil && stopped.Err() == nil {
		w.Fatalf("round %d: %v", round, err)
	}
	for range 4 {
		w.put()
	}
	worked := make(chan error, 1)
	go func() { worked <- w.work() }()
	err := w.repair(w.Context())
	w.must(errors.Join(err, <-worked))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) snapshots(name string) (all []*table.Snapshot) {
	w.Helper()
	view, err := w.lake.View(w.Context())
	w.must(err)
	for _, s := range view.Tables[name].Meta.Snapshots() {
		all = append(all, &s)
	}
	return all
}

const silverTable = "silver.asset_snapshots"

// prices puts one object with a price for some assets at one moment.
func (w *world) prices(name, price string, assets ...string) event.Object {
	w.Helper()
	var list []string
	for _, id := range assets {
		list = append(list, coin.Asset(id, price, "10"))
	}
	o := w.bring(coin.AssetsKey(name), coin.Assets(coin.Day(time.March, 1), list...))
	w.must(w.work())
	return o
}

// shows fails the test unless silver has these prices.
func (w *world) shows(want string) {
	w.Helper()
	if got := strings.Join(w.other.Query(silverTable, "asset_id || ' ' || price_usd::integer"), ", "); got != want {
		w.Errorf("silver has %s, want %s", got, want)
	}
}

func TestARepairKeepsWhatCameInAfterItLooked(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin", "ethereum")
	w.other.Update(silverTable, "asset_id = 'bitcoin'", "7 as price_usd, timestamptz '2099-01-01 00:00:00+00' as source_modified_at")
	w.must(w.repairAfter(t.Context(), func() {
		w.prices("2.json", "2", "bitcoin") // loses to the row from the future
		w.prices("3.json", "3", "solana")
		w.prices("4.json", "4", "ethereum")
	}))
	w.shows("bitcoin 2, ethereum 4, solana 3")
	w.proved("objects that came in meanwhile")
}

// The reactor commits again and again, each time before a repair is ready with its own commit: the repair asks it to wait. So does
// upkeep that a person asks for.
func TestARepairComesThroughBesideAReactorThatNeverRests(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin", "ethereum")
	w.other.Update(silverTable, "asset_id = 'bitcoin'", "7 as price_usd, timestamptz '2099-01-01 00:00:00+00' as source_modified_at")
	w.other.Update("gold.rankings", "asset_id = 'bitcoin'", "99 as rank")
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	w.must(w.repairAfter(t.Context(), func() {
		for range 300 { // come in while the repair looks, and may have lost to the row from the future
			n++
			w.arrives(n)
		}
		w.must(w.work())
		go func() {
			for ctx.Err() == nil {
				n++
				w.arrives(n)
				if err := w.work(); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}))
	w.must(w.maintain())
	stop()
	w.must(<-ended)
	w.must(w.work())
	w.proved("a reactor that never rested")
}

// Silver moves on before each step of gold ends, so gold is current at no instant. A check needs one: it asks silver to wait.
func TestACheckFindsItsInstantBesideAReactorThatNeverRests(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin", "ethereum")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() {
		for n := 1; ctx.Err() == nil; n++ {
			w.arrives(n)
			batch := w.queue
			w.queue = nil
			if errs := w.silver[datasets.All()[0].Name].Handle(context.Background(), batch); errs[0] != nil {
				ended <- errs[0]
				return
			}
		}
		ended <- nil
	}()
	go func() {
		for ctx.Err() == nil {
			if err := w.gold.Bring(context.Background()); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	within, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	view, err := progress.AwaitCurrent(within, w.lake)
	stop()
	w.must(errors.Join(err, <-ended, <-ended))
	if !view.Current() {
		t.Error("gold lags behind silver in the view")
	}
}

// maintain does the upkeep of all tables, as the command does.
func (w *world) maintain() error {
	return w.temporarily(func(db *duck.DB) error {
		definitions, _ := tables.OfSilver()
		c, err := upkeep.New(w.lake, db, rows.New(w.lake), slices.Concat(definitions, w.gold.Tables()))
		if err != nil {
			return err
		}
		defer c.Close()
		steps := 0
		err = c.All(w.Context(), func(upkeep.Done) { steps++ })
		w.Logf("%d steps of upkeep", steps)
		return err
	})
}

// arrives puts one of many objects.
func (w *world) arrives(n int) {
	w.Helper()
	w.bring(coin.AssetsKey(fmt.Sprintf("many-%d.json", n)), coin.Assets(coin.Day(time.March, 1+n%28), coin.Asset("bitcoin", fmt.Sprint(n), "10"), coin.Asset(fmt.Sprint("coin-", n), "1", "1")))
}

func TestARepairLooksAnewWhenAnObjectIsDeletedMeanwhile(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin")
	second := w.prices("2.json", "2", "bitcoin", "ethereum")
	w.other.Delete(silverTable, "true")
	w.must(w.repairAfter(t.Context(), func() {
		w.removeVersion(second, true)
		w.must(w.work())
	}))
	w.shows("bitcoin 1")
	w.proved("an object that was deleted meanwhile")
}

func TestARepairLeavesRightRowsAndOtherEnginesColumnsAlone(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin", "ethereum")
	w.other.AddColumn(silverTable, "note", "mine")
	w.other.AddColumn("gold.rankings", "note", "mine")
	w.other.Update(silverTable, "asset_id = 'bitcoin'", "7 as price_usd")
	w.other.Update("gold.rankings", "asset_id = 'bitcoin'", "7 as rank")
	w.must(w.repair(t.Context()))
	for _, table := range []string{silverTable, "gold.rankings"} {
		if got := strings.Join(w.other.Query(table, "asset_id || ' ' || coalesce(note, 'null')"), ", "); table == silverTable && got != "bitcoin null, ethereum mine" || !strings.HasPrefix(got, "bitcoin null") {
			t.Errorf("%s has %s", table, got)
		}
	}
	w.proved("columns of another engine")
	before := w.snapshots(silverTable)
	w.must(w.repair(t.Context()))
	if after := w.snapshots(silverTable); len(after) != len(before) {
		t.Errorf("a repair of what is right made %d snapshots", len(after)-len(before))
	}
}

// An object that the listing lacks because another one hides it was not deleted, and one that cannot be read any more was not either.
func TestARepairRefusesToTakeOutWhatItCannotSee(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin")
	limited := proof.Report{Misjudged: []proof.Misjudged{{Text: "x is in silver and cannot be read: it has more than 1 rows", Lost: true}}}
	if err := repair.Refusal(limited); err == nil || !strings.Contains(err.Error(), "x is in silver") {
		t.Errorf("an object that cannot be read any more: %v", err)
	}
	body := []byte("{}")
	_, err := w.bucket.Client.PutObject(t.Context(), w.bucket.Name, "bronze/coincap/assets", bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{})
	w.must(err)
	if err := w.repair(t.Context()); err == nil || !strings.Contains(err.Error(), "reactor retract bronze/coincap/assets") {
		t.Errorf("a hidden object: %v", err)
	}
	w.shows("bitcoin 1")
}

// The lineage of a row that another engine changed names the object that the row was of. The trace says that the object says otherwise.
func TestATraceTellsOfARowThatAnotherEngineChanged(t *testing.T) {
	w := newWorld(t, 1)
	w.prices("1.json", "1", "bitcoin", "ethereum")
	w.other.Update(silverTable, "asset_id = 'bitcoin'", "7 as price_usd")
	tracer := lineage.Tracer{Lake: w.lake, Bucket: w.bucket, Models: func(context.Context) (*gold.Set, error) { return w.models, nil }, Show: progress.Silent}
	altered := func(asset string) bool {
		t.Helper()
		nodes, err := tracer.Trace(t.Context(), silverTable, []string{asset, coin.Day(time.March, 1).Format(time.RFC3339)})
		w.must(err)
		if len(nodes) != 2 || nodes[1].Source == nil {
			t.Fatalf("the trace of %s: %+v", asset, nodes)
		}
		return nodes[1].Source.Altered
	}
	if !altered("bitcoin") || altered("ethereum") {
		t.Error("the trace does not tell the row that was changed from the one that was not")
	}
	w.must(w.repair(t.Context()))
	if altered("bitcoin") {
		t.Error("after the repair the row is still said to be changed")
	}
}

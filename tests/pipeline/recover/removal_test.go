package recover_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

// ownerRun runs a command of the reactor with the credentials of the person at the keyboard, who may delete in bronze.
func ownerRun(t testing.TB, s *harness.Stack, args ...string) harness.Result {
	t.Helper()
	var env []string
	for name, value := range s.Vars(t, "owner") {
		env = append(env, name+"="+value)
	}
	return s.RunEnv(t, env, "reactor", args...)
}

// Tables are a function of the versions in bronze: when one is deleted its rows go, and the rows that had lost to it are back.
func TestADeletedVersionTakesItsRowsAlong(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	at := coin.Day(time.June, 1)
	older, newer, refused := coin.AssetsKey("older.json"), coin.AssetsKey("newer.json"), coin.AssetsKey("refused.json")
	s.PutAndWait(t, older, coin.Assets(at, coin.Asset("bitcoin", "1", "10"), coin.Asset("ethereum", "1", "10")), nil)
	first := s.Put(t, newer, coin.Assets(at, coin.Asset("bitcoin", "2", "20"), coin.Asset("solana", "2", "20")), nil)
	bad := s.Put(t, refused, coin.Assets(at, `{"id":"broken","priceUsd":"-1"}`), nil)
	s.Wait(t, newer, refused)
	s.Settled(t)
	price := func() string {
		return s.CSV(t, "select asset_id, price_usd::integer as p from silver.asset_snapshots order by 1")
	}
	if got := price(); got != "asset_id,p\nbitcoin,2\nethereum,1\nsolana,2\n" {
		t.Fatalf("before: %s", got)
	}
	// A delete marker hides the object from readers and takes nothing away.
	s.Remove(t, newer, "")
	time.Sleep(time.Second)
	if got := price(); got != "asset_id,p\nbitcoin,2\nethereum,1\nsolana,2\n" {
		t.Fatalf("a delete marker changed silver: %s", got)
	}
	s.CheckEqual(t)

	s.Remove(t, newer, first.VersionID)
	s.Remove(t, refused, bad.VersionID)
	harness.Eventually(t, "the rows of the deleted version are gone, and the loser is back", func() bool {
		return price() == "asset_id,p\nbitcoin,1\nethereum,1\n" && s.Count(t, "select count(*)::integer as n from silver.rejected") == 0
	})
	s.Settled(t)
	s.CheckEqual(t)
	if n := s.Count(t, "select close::integer as n from gold.daily_summary where asset_id = 'bitcoin'"); n != 1 {
		t.Errorf("gold closes at %d, want 1", n)
	}
	if letters := s.DeadLetters(t); len(letters) != 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

// No event tells of it: the reactor is away and MinIO's rules are gone.
func TestTheReconcilerNoticesDeletedVersions(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	at := coin.Day(time.June, 1)
	older, newer := coin.AssetsKey("older.json"), coin.AssetsKey("newer.json")
	s.PutAndWait(t, older, coin.Assets(at, coin.Asset("bitcoin", "1", "10")), nil)
	first := s.PutAndWait(t, newer, coin.Assets(at, coin.Asset("bitcoin", "2", "20")), nil)
	s.Settled(t)
	r.StopInOrder(t)
	s.Remove(t, newer, first.VersionID)
	// Its event is in the stream: without it the reconciler alone tells.
	conn := s.Connect(t, "owner")
	for _, stream := range []string{"RAW", "EV"} {
		if _, err := conn.Request("$JS.API.STREAM.PURGE."+stream, nil, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.Run(t, "reactor", "check"); c.Code != 1 || !strings.Contains(c.Stderr, "was deleted from bronze") || !strings.Contains(c.Stderr, newer) {
		t.Errorf("check does not name the deleted version: %s", c)
	}
	s.StartReactor(t)
	harness.Eventually(t, "the loser is back", func() bool {
		return s.Count(t, "select price_usd::integer as p from silver.asset_snapshots") == 1
	})
	s.Settled(t)
	s.CheckEqual(t)
	if got, want := reconcileNow(t, s), (reconciled{Objects: 1}); got != want {
		t.Errorf("reconcile found %+v, want %+v", got, want)
	}
}

// A person must delete data: one command does it, and says what former snapshots keep.
func TestRetractDeletesAnObjectAndItsRows(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	at := coin.Day(time.June, 1)
	key := coin.AssetsKey("x.json")
	s.PutAndWait(t, key, coin.Assets(at, coin.Asset("bitcoin", "1", "10")), nil)
	s.PutAndWait(t, key, coin.Assets(at, coin.Asset("bitcoin", "2", "20"), coin.Asset("ethereum", "2", "20")), nil)
	s.Settled(t)
	if r := s.Run(t, "reactor", "retract", key); r.Code == 0 || !strings.Contains(r.Stderr, "may not delete in bronze") || !strings.Contains(r.Stderr, "the owner's may") {
		t.Errorf("the reactor's own credentials: %s", r)
	}
	if r := ownerRun(t, s, "retract", coin.AssetsKey("nothing.json")); r.Code == 0 || !strings.Contains(r.Stderr, "there is no such object") {
		t.Errorf("an object that never was: %s", r)
	}
	r := ownerRun(t, s, "retract", key, "--output", "json")
	var got []struct{ Key, Version, Table, Was string }
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil || r.Code != 0 || len(got) != 2 || got[0].Was != "done" || strings.Count(r.Stderr, "former snapshots") != 1 || !strings.Contains(r.Stderr, "gold.rankings") || strings.Contains(r.Stderr, "asset_prices") {
		t.Fatalf("retract: %v, %s", err, r)
	}
	for _, table := range []string{"silver.asset_snapshots", "gold.daily_summary", "gold.rankings", "gold.market_summary"} {
		if n := s.Count(t, "select count(*)::integer as n from "+table); n != 0 {
			t.Errorf("%s has %d rows of what was retracted", table, n)
		}
	}
	s.CheckEqual(t)
}

// Puts, overwrites, deletions, replays and sudden deaths in any order leave what a rebuild from bronze gives.
func TestDeletionsInAnyOrderLeaveWhatARebuildGives(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	r := s.StartReactor(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var there []string // named by catalog.Version
	for range 120 {
		switch n := random.IntN(20); {
		case n < 11 || len(there) == 0:
			key, body := anyObject(random)
			there = append(there, catalog.Version(key, s.Put(t, key, body, nil).VersionID))
		case n < 17:
			i := random.IntN(len(there))
			key, id := catalog.Split(there[i])
			s.Remove(t, key, id)
			there = slices.Delete(there, i, i+1)
		case n < 18:
			s.Reactor(t, "replay", "--dataset", "coincap/assets")
		case n < 19:
			r.Kill()
			r = s.StartReactor(t)
		default:
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		}
	}
	harness.Eventually(t, "every object had its turn", func() bool {
		known := map[string]bool{}
		for _, e := range s.Ledger(t) {
			known[e.Object()] = true
		}
		return !slices.ContainsFunc(there, func(object string) bool { return !known[object] })
	})
	s.Settled(t)
	s.CheckEqual(t)
	before := s.Contents(t, harness.Tables...)
	r.StopInOrder(t)
	for _, file := range catalog.Files(s.Catalog()) {
		_ = os.Remove(file) // the last two may not be there
	}
	s.StartReactor(t)
	reconcileNow(t, s)
	s.Settled(t)
	s.SameContents(t, "after a rebuild", before)
}

// anyObject is a snapshot, a history or a page that nobody can read, under one of few keys.
func anyObject(random *rand.Rand) (key string, body []byte) {
	if random.IntN(3) == 0 {
		point := func(days int) string {
			return coin.Point(coin.Day(time.June, 1+random.IntN(days)), fmt.Sprint(1+random.IntN(1000)))
		}
		return coin.HistoryKey(fmt.Sprintf("bitcoin_d1_%d.json", random.IntN(5))), coin.Points(point(40), point(4))
	}
	key = coin.AssetsKey(fmt.Sprintf("%d.json", random.IntN(12)))
	if random.IntN(12) == 0 {
		return key, []byte("<html>")
	}
	var list []string
	for _, id := range []string{"bitcoin", "ethereum", "solana"} {
		if random.IntN(3) > 0 {
			list = append(list, coin.Asset(id, fmt.Sprint(1+random.IntN(1000)), fmt.Sprint(1+random.IntN(100))))
		}
	}
	if random.IntN(4) == 0 {
		list = append(list, `{"id":"broken","priceUsd":"-1"}`)
	}
	return key, coin.Assets(coin.Day(time.June, 1+random.IntN(4)), list...)
}

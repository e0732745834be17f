package recover_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
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
	s.Put(t, older, coin.Assets(at, coin.Asset("bitcoin", "1", "10"), coin.Asset("ethereum", "1", "10")), nil)
	s.Wait(t, older)
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
	s.Put(t, older, coin.Assets(at, coin.Asset("bitcoin", "1", "10")), nil)
	s.Wait(t, older)
	first := s.Put(t, newer, coin.Assets(at, coin.Asset("bitcoin", "2", "20")), nil)
	s.Wait(t, newer)
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
	s.Put(t, key, coin.Assets(at, coin.Asset("bitcoin", "1", "10")), nil)
	s.Wait(t, key)
	s.Put(t, key, coin.Assets(at, coin.Asset("bitcoin", "2", "20"), coin.Asset("ethereum", "2", "20")), nil)
	s.Wait(t, key)
	s.Settled(t)
	if r := s.Run(t, "reactor", "retract", key); r.Code == 0 || !strings.Contains(r.Stderr, "may not delete in bronze") {
		t.Errorf("the reactor's own credentials: %s", r)
	}
	if r := ownerRun(t, s, "retract", coin.AssetsKey("nothing.json")); r.Code == 0 || !strings.Contains(r.Stderr, "there is no such object") {
		t.Errorf("an object that never was: %s", r)
	}
	r := ownerRun(t, s, "retract", key, "--output", "json")
	var got []struct{ Key, Version, Table, Was string }
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil || r.Code != 0 || len(got) != 2 || got[0].Was != "done" || !strings.Contains(r.Stderr, "former snapshots") {
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
	type version struct{ key, id string }
	var there []version
	ids := []string{"bitcoin", "ethereum", "solana"}
	for range 120 {
		switch n := random.IntN(20); {
		case n < 11 || len(there) == 0:
			key := coin.AssetsKey(fmt.Sprintf("%d.json", random.IntN(12)))
			var list []string
			for _, id := range ids {
				if random.IntN(3) > 0 {
					list = append(list, coin.Asset(id, fmt.Sprint(1+random.IntN(1000)), fmt.Sprint(1+random.IntN(100))))
				}
			}
			if random.IntN(4) == 0 {
				list = append(list, `{"id":"broken","priceUsd":"-1"}`)
			}
			body := coin.Assets(coin.Day(time.June, 1+random.IntN(4)), list...)
			if random.IntN(12) == 0 {
				body = []byte("<html>")
			}
			if random.IntN(3) == 0 {
				key = coin.HistoryKey(fmt.Sprintf("bitcoin_d1_%d.json", random.IntN(5)))
				body = coin.Points(coin.Point(coin.Day(time.June, 1+random.IntN(40)), fmt.Sprint(1+random.IntN(1000))), coin.Point(coin.Day(time.June, 1+random.IntN(4)), fmt.Sprint(1+random.IntN(1000))))
			}
			there = append(there, version{key, s.Put(t, key, body, nil).VersionID})
		case n < 17:
			i := random.IntN(len(there))
			s.Remove(t, there[i].key, there[i].id)
			there = append(there[:i], there[i+1:]...)
		case n < 18:
			s.Reactor(t, "replay", "--dataset", "coincap/assets")
		case n < 19:
			r.Kill()
			r = s.StartReactor(t)
		default:
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		}
	}
	for _, v := range there {
		key := v.key
		harness.Eventually(t, "every object had its turn", func() bool {
			for _, e := range s.Ledger(t) {
				if e.Key == key && e.Version == v.id {
					return true
				}
			}
			return false
		})
	}
	s.Settled(t)
	s.CheckEqual(t)
	before := s.Contents(t, harness.Tables...)
	r.StopInOrder(t)
	for _, file := range []string{"catalog.db", "catalog.db-wal", "catalog.db-shm"} {
		_ = os.Remove(filepath.Join(s.Home, file)) // the last two may not be there
	}
	s.StartReactor(t)
	reconcileNow(t, s)
	s.Settled(t)
	s.SameContents(t, "after a rebuild", before)
}

package promote_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"millrace/infra/streams"
	"millrace/reactor/event"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// land puts objects that depend on each other in every way: keys overwritten, rows of one key in several objects, days restated, days
// from long ago, refused rows, and objects that cannot be read. It returns how many versions it put.
func land(t testing.TB, s *harness.Stack) (n int) {
	t.Helper()
	put := func(key string, body []byte, meta map[string]string) {
		s.Put(t, key, body, meta)
		n++
	}
	ids := []string{"bitcoin", "ethereum", "tether"}
	for i, id := range ids {
		var list []string
		for d := range 120 {
			list = append(list, coin.Point(coin.Day(time.January, 1+d), fmt.Sprintf("%d.%028d", 100*(i+1), d*d*7919)))
		}
		put(coin.HistoryKey(id+"_d1_long.json"), coin.Points(list...), nil)
		// These restate the same days. The first overwrites a key, the second does not.
		put(coin.HistoryKey(id+"_d1_long.json"), coin.Points(list[10:110]...), nil)
		put(coin.HistoryKey(id+"_d1_restated.json"), coin.Points(coin.Point(coin.Day(time.February, 3), "999.5"), coin.Point(coin.Day(time.March, 3), "0.5")), nil)
		put(coin.HistoryKey(id+"_h1_finer.ndjson"), []byte(coin.Point(coin.Day(time.March, 5).Add(7*time.Hour), "7.5")+"\n"+coin.Point(coin.Day(time.March, 5).Add(8*time.Hour), "8.5")), nil)
		put(coin.HistoryKey(id+"_d1_late.json.gz"), coin.Compressed(t, coin.Points(coin.Point(coin.Day(time.January, 1).AddDate(-1, 0, 0), "3.25"))), nil)
	}
	for i := range 24 {
		at := coin.Day(time.April, 20).Add(time.Duration(i) * 7 * time.Hour)
		list := []string{}
		for j, id := range ids {
			list = append(list, coin.Asset(id, fmt.Sprintf("%d.%d", 100*(j+1), i), fmt.Sprint(1000*(j+1)*(i%5+1))))
		}
		if i%4 == 0 {
			list = append(list, `{"id":"broken","priceUsd":"-1"}`)
		}
		put(coin.AssetsKey(fmt.Sprintf("%02d.json", i)), coin.Assets(at, list...), nil)
		if i%3 == 0 { // of one moment with the object before, by another key that comes earlier in a listing
			put(coin.AssetsKey(fmt.Sprintf("%02d-again.json", 24-i)), coin.Assets(at, list[0], coin.Asset("extra", "1", "5")), nil)
		}
		if i%6 == 0 { // another version of the key
			put(coin.AssetsKey(fmt.Sprintf("%02d.json", i)), coin.Assets(at, coin.Asset("ethereum", "222.5", "7"), `{"id":"broken","priceUsd":"-2"}`), nil)
		}
	}
	put(coin.AssetsKey("page.json"), []byte("<html>"), nil)
	put("bronze/coincap/unheard/x.json", []byte("{}"), nil)
	return n
}

// raw reads MinIO's messages about bronze, as they lie in the stream.
func raw(t testing.TB, s *harness.Stack) (messages [][]byte, objects []event.Object) {
	t.Helper()
	for _, m := range s.Messages(t, streams.Raw, streams.RawFast) {
		parsed, err := event.MinIO.Parse(m)
		if err != nil || len(parsed) != 1 {
			t.Fatalf("MinIO's message %s: %v, %v", m, parsed, err)
		}
		if strings.HasPrefix(parsed[0].Key, "bronze/") {
			messages, objects = append(messages, m), append(objects, parsed[0].Object)
		}
	}
	return messages, objects
}

// thrice returns every number below n three times, in random order.
func thrice(random *rand.Rand, n int) []int {
	order := make([]int, 3*n)
	for i, j := range random.Perm(3 * n) {
		order[i] = j % n
	}
	return order
}

func TestAnyOrderGivesTheSameTables(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	first := harness.Start(t, harness.WithoutReactor())
	n := land(t, first)
	first.Stop(t)

	// The second lakehouse has the same objects, to the last version and millisecond.
	home := t.TempDir()
	if out, err := exec.Command("cp", "-a", first.Home+"/.", home).CombinedOutput(); err != nil {
		t.Fatalf("copy the first lakehouse: %v\n%s", err, out)
	}
	first.Restart(t)
	first.StartReactor(t)
	first.AwaitLedger(t, n)
	first.Settled(t)

	second := harness.Start(t, harness.WithoutReactor(), harness.InHome(home))
	messages, objects := raw(t, second)
	if len(messages) != n {
		t.Fatalf("%d messages about %d objects", len(messages), n)
	}
	shuffled(t, second, objects, random)
	second.StartReactor(t)
	second.AwaitLedger(t, n)
	second.Settled(t)
	t.Logf("commits to silver: %d in order, %d out of order", len(first.Snapshots(t, "silver.asset_snapshots")), len(second.Snapshots(t, "silver.asset_snapshots")))

	inOrder, outOfOrder := first.CheckEqual(t), second.CheckEqual(t)
	if !maps.Equal(inOrder, outOfOrder) {
		t.Errorf("the tables differ:\nin order     %v\nout of order %v", inOrder, outOfOrder)
	}
	a, b := first.Contents(t, harness.Tables...), second.Contents(t, harness.Tables...)
	for _, table := range harness.Tables {
		if a[table] != b[table] {
			t.Errorf("%s differs:\n%s", table, harness.Difference(a[table], b[table]))
		}
		if strings.Count(a[table], "\n") < 10 {
			t.Errorf("%s has hardly a row, so it proves nothing:\n%s", table, a[table])
		}
	}
	onceMore(t, second, messages, random)
	if letters := second.DeadLetters(t); len(letters) < 2 {
		t.Errorf("the objects that cannot be read are no dead letters: %v", letters)
	}
	second.CheckEqual(t)
}

// shuffled publishes each object's event three times, in random order.
func shuffled(t *testing.T, s *harness.Stack, objects []event.Object, random *rand.Rand) {
	t.Helper()
	js := s.JetStream(t)
	for i, which := range thrice(random, len(objects)) {
		o := objects[which]
		// The sizes that events tell bound a batch, and are no part of an object's identity. Random ones cut batches anywhere.
		o.Size = random.Int64N(24 << 20)
		m := nats.NewMsg(event.SubjectOf(o, func(dataset string) bool { return dataset != "coincap/unheard" }))
		m.Data = o.Marshal()
		m.Header.Set("Lake-Run", fmt.Sprint("shuffled-", i)) // a run of its own, or the stream would drop it as a copy
		m.Header.Set("Lake-Event-Id", string(o.ID()))
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// onceMore brings everything to a lake that has it all: as a user replays, and as MinIO's own messages published by hand. No
// table may get a snapshot.
func onceMore(t *testing.T, s *harness.Stack, messages [][]byte, random *rand.Rand) {
	t.Helper()
	before := s.Current(t)
	s.Reactor(t, "replay", "--wait")
	js := s.JetStream(t)
	for i, which := range thrice(random, len(messages)) {
		m := nats.NewMsg(streams.RawReplay)
		m.Data = messages[which]
		m.Header.Set("Lake-Run", fmt.Sprint("by-hand-", i))
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	s.Settled(t)
	if after := s.Current(t); !maps.Equal(after, before) {
		t.Errorf("a replay of what is there made snapshots: %v, before %v", after, before)
	}
}

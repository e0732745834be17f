//go:build store

package store_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

// land puts objects of all kinds, some of them twice if again is true, the last one unreadable. It returns what was put, and the keys that
// can be waited for.
func land(t *testing.T, l *lab, again bool, unreadable string) (put []s3.UploadInfo, keys []string) {
	t.Helper()
	for i := range 20 {
		at := coin.Day(time.June, 1).Add(time.Duration(i) * time.Hour)
		key := coin.AssetsKey(fmt.Sprintf("%02d.json", i))
		put = append(put, l.Put(t, key, coin.Assets(at, coin.Asset("bitcoin", fmt.Sprint(100+i), "10"), coin.Asset("ethereum", "7", "3"), `{"id":"bad","priceUsd":"-1"}`), nil))
		keys = append(keys, key)
		if again && i%5 == 0 { // of one second with the version before, most often
			put = append(put, l.Put(t, key, coin.Assets(at, coin.Asset("bitcoin", "999", "10")), nil))
		}
	}
	history := coin.HistoryKey("bitcoin_d1.json")
	put = append(put, l.Put(t, history, coin.Points(coin.Point(coin.Day(time.May, 30), "90.5"), coin.Point(coin.Day(time.May, 31), "91")), coin.About("bitcoin", "d1")))
	put = append(put, l.Put(t, coin.AssetsKey(unreadable), []byte("<html>"), nil))
	return put, append(keys, history)
}

// The whole life of objects on another store: put, promoted, replayed, deleted, and put while the store told nobody.
func TestALakeOnAnotherStore(t *testing.T) {
	l := start(t, true)
	put, keys := land(t, l, false, "page.json")
	began := time.Now()
	l.settled(t, len(put))
	l.Wait(t, keys...)
	t.Logf("%d object versions in all tables %.1f s after the last put", len(put), time.Since(began).Seconds())
	l.CheckEqual(t)
	if n := l.Count(t, "select count(*) from silver.asset_snapshots where asset_id = 'bitcoin'"); n != 20 {
		t.Errorf("%d rows of bitcoin, want 20", n)
	}

	before := l.Pointers(t)
	l.Reactor(t, "replay", "--wait")
	if after := l.Pointers(t); !maps.Equal(before, after) {
		t.Errorf("a replay moved pointers: %v, then %v", before, after)
	}
	if found := harness.Rows[map[string]int](t, l, "reconcile"); found[0]["missed"] != 0 || found[0]["removed"] != 0 {
		t.Errorf("the reconciler finds %v: a listing says other things of objects than their events", found)
	}
	l.settled(t, len(put))

	gone := put[len(put)-3] // a snapshot
	l.Remove(t, gone.Key, gone.VersionID)
	l.Reactor(t, "reconcile") // this store's message about a deletion does not say which version
	l.removed(t, gone.Key, gone.VersionID)
	l.Settled(t)
	l.CheckEqual(t)
	if n := l.Count(t, "select count(*) from silver.asset_snapshots where asset_id = 'bitcoin'"); n != 19 {
		t.Errorf("%d rows of bitcoin after one object was deleted, want 19", n)
	}

	l.startGateway(t, false)
	unheard := coin.AssetsKey("unheard.json")
	l.Put(t, unheard, coin.Assets(coin.Day(time.June, 9), coin.Asset("solana", "5", "1")), nil)
	l.Reactor(t, "reconcile")
	harness.Eventually(t, "the ledger knows the object of which nobody told", func() bool {
		return slices.ContainsFunc(l.Ledger(t), func(e catalog.Entry) bool { return e.Key == unheard })
	})
	l.tellSilver(t)
	l.Wait(t, unheard)
	l.CheckEqual(t)
}

// Messages in every form that AWS has, shuffled, each version by two of them: the same tables.
func TestEveryFormOfAWSsMessagesPromotes(t *testing.T) {
	l := start(t, false)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	put, keys := land(t, l, true, "a page + more é.json")
	var messages []string
	for i, o := range put {
		for n := range 2 {
			messages = append(messages, forms[(i+n*3)%len(forms)](happened{o.Key, o.VersionID, o.ETag, o.Size, false}))
		}
	}
	random.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	l.publish(t, messages...)
	l.settled(t, len(put))
	l.tellSilver(t)
	l.Wait(t, keys...)
	l.CheckEqual(t)

	for i, o := range []s3.UploadInfo{put[len(put)-3], put[2]} {
		l.Remove(t, o.Key, o.VersionID)
		l.publish(t, forms[i*3](happened{o.Key, o.VersionID, o.ETag, o.Size, true}))
		l.removed(t, o.Key, o.VersionID)
	}
	// What tells of nothing, and what nobody can read.
	l.publish(t, `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"lakehouse"}`, `{"Type":"SubscriptionConfirmation","SubscribeURL":"https://sns.example/"}`)
	l.AwaitDeadLetters(t, 2) // the page, and the subscription
	l.tellSilver(t)
	l.Settled(t)
	l.CheckEqual(t)
	if left := len(put) - 2; l.distinct(t) != left { // a removal has an entry of its own
		t.Errorf("the ledger has %d versions that are there, want %d", l.distinct(t), left)
	}
}

// publish publishes messages as a bridge from a queue does.
func (l *lab) publish(t *testing.T, messages ...string) {
	t.Helper()
	js := l.JetStream(t)
	for _, m := range messages {
		if _, err := js.Publish(t.Context(), "lake.raw.sqs", []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// tellSilver tells of silver's metadata: gold hears of a commit by it.
func (l *lab) tellSilver(t *testing.T) {
	t.Helper()
	for _, o := range l.Objects(t, "silver/") {
		if strings.HasSuffix(o.Key, ".metadata.json") {
			l.publish(t, eventBridgeForm(happened{o.Key, "v", o.ETag, o.Size, false}))
		}
	}
}

// happened is an object version that came or went.
type happened struct {
	key, version, etag string
	size               int64
	gone               bool
}

// text is a value as JSON.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

package harness

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

// The rows of a load are of few coins and few moments, so that most objects change something that is there, and a long
// run grows in objects but not in rows without end.
const (
	loadCoins   = 12
	loadDays    = 10
	loadMoments = 24 // of a day
)

// Load puts objects all the time until it ends, and remembers the versions that the store has acknowledged.
type Load struct {
	put   func(key string, body []byte, meta map[string]string) (version string, err error)
	rate  int
	stop  chan struct{}
	group sync.WaitGroup

	mu     sync.Mutex
	acked  map[string]bool // by catalog.Version
	order  []string        // the same, as they came
	failed int
	last   error
}

// StartLoad puts rate objects a second by some writers. A put that fails is not repeated: only what was acknowledged counts.
func (l *Lake) StartLoad(t testing.TB, rate int, seed uint64) *Load {
	ctx := t.Context()
	ld := &Load{rate: rate, stop: make(chan struct{}), acked: map[string]bool{}}
	client, bucket := l.client, l.Bucket() // a restart gives the lake another client
	ld.put = func(key string, body []byte, meta map[string]string) (string, error) {
		info, err := client.PutObject(ctx, bucket, key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{UserMetadata: meta})
		return info.VersionID, err
	}
	writers := max(1, rate/12)
	for w := range writers {
		ld.group.Go(func() { ld.write(rand.New(rand.NewPCG(seed, uint64(w))), w, writers) })
	}
	return ld
}

func (l *Load) write(random *rand.Rand, writer, writers int) {
	tick := time.NewTicker(time.Second * time.Duration(writers) / time.Duration(l.rate))
	defer tick.Stop()
	for i := writer; ; i += writers {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		key, body, meta := LoadObject(random, i)
		version, err := l.put(key, body, meta)
		if err != nil {
			l.mu.Lock()
			l.failed, l.last = l.failed+1, err
			l.mu.Unlock()
			continue
		}
		l.Acknowledge(key, version)
	}
}

// Acknowledge counts an object that somebody else has put as one of the load's.
func (l *Load) Acknowledge(key, version string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	object := catalog.Version(key, version)
	l.acked[object] = true
	l.order = append(l.order, object)
}

// Join counts what another load has put as this one's, so that both are proved at once.
func (l *Load) Join(other *Load) {
	for _, object := range other.Recent(0) {
		l.Acknowledge(catalog.Split(object))
	}
}

// Count is how many objects were acknowledged so far.
func (l *Load) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// Has tells whether an object version was acknowledged.
func (l *Load) Has(object string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked[object]
}

// Recent are the last n that were acknowledged, 0 for all.
func (l *Load) Recent(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == 0 || n > len(l.order) {
		n = len(l.order)
	}
	return slices.Clone(l.order[len(l.order)-n:])
}

// Failed is how many puts failed, and why the last one did.
func (l *Load) Failed() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed, l.last
}

// Stop stops the load and returns when the last put has come back.
func (l *Load) Stop() {
	close(l.stop)
	l.group.Wait()
}

// End stops the load, none of whose puts may have failed.
func (l *Load) End(t testing.TB) {
	t.Helper()
	l.Stop()
	if n, err := l.Failed(); n > 0 {
		t.Fatalf("%d puts failed, the last one: %v", n, err)
	}
}

// Arrived waits until the ledger knows every acknowledged object.
func (l *Load) Arrived(t testing.TB, lake *Lake) {
	t.Helper()
	left := l.Recent(0)
	Eventually(t, "the ledger knows every acknowledged object", func() bool {
		left = ask(t, lake, func(c *catalog.Catalog, ctx context.Context) ([]string, error) { return c.Unknown(ctx, left) })
		return len(left) == 0
	})
}

// LoadObject is number i of a load: snapshots mostly, histories, keys that are written again, bad rows, and what cannot be read.
func LoadObject(random *rand.Rand, i int) (key string, body []byte, meta map[string]string) {
	day := coin.Day(time.May, 25).AddDate(0, 0, random.IntN(loadDays)) // two months
	at := day.Add(time.Duration(random.IntN(loadMoments)) * time.Hour)
	price := fmt.Sprintf("%d.%06d", 1+random.IntN(9000), random.IntN(1000000))
	switch random.IntN(10) {
	case 0:
		id := fmt.Sprintf("coin-%d", random.IntN(loadCoins))
		body := coin.Points(coin.Point(day, price), coin.Point(day.AddDate(0, 0, 1), price))
		return coin.HistoryKey(fmt.Sprintf("%s_d1_%d.json", id, i)), body, coin.About(id, "d1")
	case 1: // another version of one of few keys
		return coin.AssetsKey(fmt.Sprintf("again-%d.json", random.IntN(4))), loadSnapshot(random, at, price), nil
	case 2:
		return coin.AssetsKey(fmt.Sprintf("%d.json", i)), loadSnapshot(random, at, price, `{"id":"bad","priceUsd":"-1"}`), nil
	case 3:
		if random.IntN(4) == 0 {
			return coin.AssetsKey(fmt.Sprintf("%d.json.gz", i)), []byte("no gzip"), nil
		}
	}
	return coin.AssetsKey(fmt.Sprintf("%d.json", i)), loadSnapshot(random, at, price), nil
}

// loadSnapshot is a snapshot of three coins, and of what more there is.
func loadSnapshot(random *rand.Rand, at time.Time, price string, more ...string) []byte {
	var list []string
	first := random.IntN(loadCoins)
	for n := range 3 {
		i := (first + n) % loadCoins
		list = append(list, coin.Asset(fmt.Sprintf("coin-%d", i), price, fmt.Sprint(1000*(i+1))))
	}
	return coin.Assets(at, append(list, more...)...)
}

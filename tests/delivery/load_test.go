package delivery_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/ingestor/bronze"
)

// The rows of the load are of few coins and few moments, so that most objects change something that is there, and a long
// run grows in objects but not in rows without end.
const (
	coins   = 12
	days    = 10
	moments = 24 // of a day
)

var firstDay = time.Date(2026, time.May, 25, 0, 0, 0, 0, time.UTC) // two months

// load puts objects all the time until it ends, and remembers the versions that the store has acknowledged.
type load struct {
	put    func(key string, body []byte, meta map[string]string) (version string, err error)
	rate   int
	stop   chan struct{}
	group  sync.WaitGroup
	mu     sync.Mutex
	acked  map[string]bool // key and version
	order  []string        // the same, as they came
	failed int
	last   error
}

// startLoad puts rate objects a second by some writers. A put that fails is not repeated: only what was acknowledged counts.
func (l *lab) startLoad(t testing.TB, rate int, seed uint64) *load {
	ctx := t.Context()
	ld := &load{rate: rate, stop: make(chan struct{}), acked: map[string]bool{}}
	ld.put = func(key string, body []byte, meta map[string]string) (string, error) {
		info, err := l.client.PutObject(ctx, bucket, key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{UserMetadata: meta})
		return info.VersionID, err
	}
	writers := max(1, rate/12)
	for w := range writers {
		ld.group.Go(func() { ld.write(rand.New(rand.NewPCG(seed, uint64(w))), w, writers) })
	}
	return ld
}

func (l *load) write(random *rand.Rand, writer, writers int) {
	tick := time.NewTicker(time.Second * time.Duration(writers) / time.Duration(l.rate))
	defer tick.Stop()
	for i := writer; ; i += writers {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		key, body, meta := object(random, i)
		version, err := l.put(key, body, meta)
		l.mu.Lock()
		if err == nil {
			l.acked[key+" "+version] = true
			l.order = append(l.order, key+" "+version)
		} else {
			l.failed, l.last = l.failed+1, err
		}
		l.mu.Unlock()
	}
}

// count is how many objects were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// recent are the last n that were acknowledged, 0 for all.
func (l *load) recent(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == 0 || n > len(l.order) {
		n = len(l.order)
	}
	return slices.Clone(l.order[len(l.order)-n:])
}

// end stops the load.
func (l *load) end() {
	close(l.stop)
	l.group.Wait()
}

// object is number i of the load: snapshots mostly, histories, keys that are written again, bad rows, and what cannot be read.
func object(random *rand.Rand, i int) (key string, body []byte, meta map[string]string) {
	day := firstDay.AddDate(0, 0, random.IntN(days))
	at := day.Add(time.Duration(random.IntN(moments)) * time.Hour)
	price := fmt.Sprintf("%d.%06d", 1+random.IntN(9000), random.IntN(1000000))
	folder := "/ingest_date=" + bronze.DayOf(day).String() + "/"
	assets, history := "bronze/coincap/assets"+folder, "bronze/coincap/history"+folder
	switch random.IntN(10) {
	case 0:
		coin := fmt.Sprintf("coin-%d", random.IntN(coins))
		body = fmt.Appendf(nil, `{"data":[{"priceUsd":%q,"time":%d},{"priceUsd":%q,"time":%d}]}`, price, day.UnixMilli(), price, day.AddDate(0, 0, 1).UnixMilli())
		return fmt.Sprintf("%s%s_d1_%d.json", history, coin, i), body, map[string]string{bronze.MetaAssetID: coin, bronze.MetaInterval: "d1"}
	case 1: // another version of one of few keys
		return fmt.Sprintf("%sagain-%d.json", assets, random.IntN(4)), snapshot(random, at, price, ""), nil
	case 2:
		return fmt.Sprintf("%s%d.json", assets, i), snapshot(random, at, price, `,{"id":"bad","priceUsd":"-1"}`), nil
	case 3:
		if random.IntN(4) == 0 {
			return fmt.Sprintf("%s%d.json.gz", assets, i), []byte("no gzip"), nil
		}
	}
	return fmt.Sprintf("%s%d.json", assets, i), snapshot(random, at, price, ""), nil
}

func snapshot(random *rand.Rand, at time.Time, price, more string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"timestamp":%d,"data":[`, at.UnixMilli())
	first := random.IntN(coins)
	for n := range 3 {
		if n > 0 {
			b.WriteByte(',')
		}
		coin := (first + n) % coins
		fmt.Fprintf(&b, `{"id":"coin-%d","symbol":"C%d","name":"Coin %d","rank":"%d","priceUsd":%q,"marketCapUsd":"%d","volumeUsd24Hr":"%d","supply":"1000"}`,
			coin, coin, coin, coin+1, price, 1000*(coin+1), 10*(coin+1))
	}
	fmt.Fprintf(&b, "%s]}", more)
	return b.Bytes()
}

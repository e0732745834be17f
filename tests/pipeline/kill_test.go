package pipeline_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/stack"
)

// kills is how often the reactor dies under load.
const kills = 10

// load puts objects all the time until it is stopped, and remembers what the store has acknowledged, for when it is done.
type load struct {
	stop, done chan struct{}
	versions   map[string]bool // key and version
	err        error           // that ended it
}

func startLoad(t *testing.T, s *stack.Stack, random *rand.Rand) *load {
	l := &load{stop: make(chan struct{}), done: make(chan struct{}), versions: map[string]bool{}}
	go func() {
		defer close(l.done)
		for i := 0; ; i++ {
			select {
			case <-l.stop:
				return
			case <-time.After(time.Duration(random.IntN(40)) * time.Millisecond):
			}
			key, body, meta := object(random, i)
			info, err := s.Client().PutObject(t.Context(), s.Bucket(), key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{UserMetadata: meta})
			if err != nil {
				l.err = fmt.Errorf("put %s: %w", key, err)
				return
			}
			l.versions[key+" "+info.VersionID] = true
		}
	}()
	return l
}

// end stops the load, which must not have failed.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	<-l.done
	if l.err != nil {
		t.Fatal(l.err)
	}
}

// arrived waits until the ledger knows every acknowledged object.
func (l *load) arrived(t *testing.T, s *stack.Stack) {
	t.Helper()
	stack.Eventually(t, "the ledger knows every acknowledged object", func() bool {
		known := 0
		for _, e := range ledger(t, s) {
			if l.versions[e.Key+" "+e.Version] {
				known++
			}
		}
		return known == len(l.versions)
	})
}

// object is one of few keys' rows, so that most puts change something that is there: in few months, so that they meet in one
// file.
func object(random *rand.Rand, i int) (key string, body []byte, meta map[string]string) {
	at := day(time.May, 1+random.IntN(60))
	price := fmt.Sprintf("%d.%d", 1+random.IntN(1000), i)
	switch random.IntN(8) {
	case 0:
		return historyKey(fmt.Sprintf("%d.json", i)), points(point(at, price), point(at.AddDate(0, 0, 1), price)), about("bitcoin", "d1")
	case 1: // one of few keys again and again
		return assetsKey(fmt.Sprintf("again-%d.json", random.IntN(4))), assets(at.Add(time.Hour), asset("ethereum", price, "7")), nil
	case 2:
		return assetsKey(fmt.Sprintf("%d.json", i)), assets(at, asset("bitcoin", price, "9"), `{"id":"bad","priceUsd":"-1"}`), nil
	case 3:
		return assetsKey(fmt.Sprintf("%d.json.gz", i)), []byte("no gzip"), nil
	}
	return assetsKey(fmt.Sprintf("%d.json", i)), assets(at.Add(time.Duration(random.IntN(24))*time.Hour), asset("bitcoin", price, "9"), asset(fmt.Sprintf("coin-%d", random.IntN(9)), price, "3")), nil
}

func TestNothingIsLostOrDoubledWhenTheReactorIsKilled(t *testing.T) {
	t.Parallel() // it waits more than it works
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := stack.Start(t, stack.WithoutReactor())
	l := startLoad(t, s, rand.New(rand.NewPCG(seed, 1)))
	working := 0
	for i := range kills {
		r := startReactor(t, s)
		before := len(ledger(t, s))
		if i%2 == 0 {
			// It takes some seconds until a new reactor gets what the dead one held: half of the kills are to hit it at work.
			stack.Eventually(t, "the reactor commits", func() bool { return len(ledger(t, s)) > before })
		}
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		r.Kill()
		if len(ledger(t, s)) > before {
			working++
		}
	}
	l.end(t)
	startReactor(t, s)
	l.arrived(t, s)
	settled(t, s)
	if n := len(ledger(t, s)); n != len(l.versions) || n < 50 {
		t.Errorf("the ledger has %d entries, %d objects were acknowledged", n, len(l.versions))
	}
	verdicts := checkEqual(t, s)
	t.Logf("%d kills, %d of them of a reactor that had committed, %d objects, %d commits to silver, %d to gold; %v", kills, working, len(l.versions), len(snapshots(t, s, "silver.asset_snapshots")),
		len(snapshots(t, s, "gold.daily_summary")), verdicts["gold.daily_summary"])
}

func TestTwoReactorsShareALakeAndOneDies(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := stack.Start(t, stack.WithoutReactor())
	first, second := startReactor(t, s), startReactor(t, s)
	l := startLoad(t, s, rand.New(rand.NewPCG(1, 1)))
	time.Sleep(3 * time.Second)
	first.Kill()
	time.Sleep(3 * time.Second)
	l.end(t)
	l.arrived(t, s)
	settled(t, s)
	if n := len(ledger(t, s)); n != len(l.versions) || second.Ended() {
		t.Errorf("the ledger has %d entries, %d objects were acknowledged; the second reactor ended: %v", n, len(l.versions), second.Ended())
	}
	checkEqual(t, s)
}

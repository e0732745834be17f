//go:build spark

package spark

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

var rows = flag.Int("rows", 200_000, "of minutely prices, in objects of at most 2,000,000 rows; 20000000 take some minutes and 15 GB of disk")

// largest is how many rows an object has: 3.8 years of a coin by the minute.
const largest = 2_000_000

// The reactor and Spark rebuild a lake of large objects.
func TestBothEnginesRebuildLargeObjects(t *testing.T) {
	l := harness.Start(t, harness.WithoutReactor())
	objects := 0
	for left := *rows; left > 0; left -= largest {
		putMinutes(t, l, objects, min(left, largest))
		objects++
	}
	t.Logf("%d rows in %d objects; the reactor: %s", *rows, objects, reactorRebuilds(t, l, objects))
	env := environment(t, l, l.StartIceberg(t, nil), "local[2]")
	began := time.Now()
	p := start(t, env, "large")
	t.Logf("Spark on local[2]: %s", ended(t, p, measure(t, began, p.PID())))
	name, run := onlyBranch(t, l)

	const digest = "select count(*) || ' ' || sum(hash(p)::hugeint)::varchar as digest from silver.asset_prices as p"
	snapshot := fmt.Sprint(writtenBy(t, l, "silver.asset_prices", run).Snapshot)
	of := func(flags ...string) string {
		r := l.RunWithin(t, within, append([]string{"query", digest, "--output", "csv"}, flags...)...)
		if r.Code != 0 {
			t.Fatalf("add up the rows of silver.asset_prices: %s", r)
		}
		return r.Stdout
	}
	if reactors, sparks := of(), of("--snapshot", "silver.asset_prices="+snapshot); reactors != sparks || !strings.HasPrefix(reactors, fmt.Sprintf("digest\n%d ", *rows)) {
		t.Errorf("the reactor's silver is %sSpark's is %s", reactors, sparks)
	}
	exactly(t, l, run, harness.GoldTables...)
	l.Reactor(t, "publish", name)
}

// putMinutes puts a coin's prices by the minute, up to the middle of 2025.
func putMinutes(t *testing.T, l *harness.Stack, number, n int) {
	t.Helper()
	id := fmt.Sprintf("coin-%02d", number)
	file := filepath.Join(t.TempDir(), id+".ndjson")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	random := rand.New(rand.NewPCG(1, uint64(number)))
	at := coin.Day(time.July, 1).Add(-time.Duration(n) * time.Minute)
	price := 100 + 900*random.Float64()
	var line []byte
	for range n {
		price *= 1 + (random.Float64()-0.5)/1000
		line = append(line[:0], `{"priceUsd":"`...)
		line = strconv.AppendFloat(line, price, 'f', 9, 64)
		line = strconv.AppendUint(line, random.Uint64N(9_000_000_000)+1_000_000_000, 10)
		line = append(line, `","time":`...)
		line = strconv.AppendInt(line, at.UnixMilli(), 10)
		line = append(line, `,"circulatingSupply":"19876543.0000000000000000","date":"`...)
		line = at.AppendFormat(line, "2006-01-02T15:04:05.000Z")
		line = append(line, "\"}\n"...)
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Minute)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	key := coin.HistoryKey(id + "_m1_large.ndjson")
	if _, err := l.Client().FPutObject(t.Context(), l.Bucket(), key, file, s3.PutObjectOptions{UserMetadata: coin.About(id, "m1")}); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

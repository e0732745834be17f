package coincap_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

func historyLines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, `{"priceUsd":"%d.%016d","time":%d,"date":"2025-04-27T00:00:00.000Z"}`+"\n", 90000+r.IntN(9999), r.Int64N(1e16), 1745712000000)
	}
	return []byte(b.String())
}

func assetLines(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"coin-%d","timestamp":%d,"rank":"%d","symbol":"C%d","name":"Coin %d","supply":"19904934.0000000000000000","maxSupply":"21000000.0000000000000000","marketCapUsd":"%d.6630183733449790","volumeUsd24Hr":"26076222906.8617342709921743","priceUsd":"%d.%016d","changePercent24Hr":"1.0278288570549161","vwap24Hr":"120456.6432440796867520","explorer":"https://blockchain.info/","tokens":{"1":["0xb8c77482e45f1f44de1745f52c74426c631bdd52"]}}`+"\n",
			i%2000, 1745712000000+int64(i/2000)*3600000, i%2000+1, i, i, 1e12+r.Int64N(1e12), r.IntN(99999), r.Int64N(1e16))
	}
	return []byte(b.String())
}

func benchmark(b *testing.B, d *silver.Dataset, src silver.Source, body []byte, rows int) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		s := &silvertest.Discard{}
		if err := d.Decode(context.Background(), src, silvertest.Bytes(body), s); err != nil {
			b.Fatal(err)
		}
		if s.Good != int64(rows) || s.Refused != 0 {
			b.Fatalf("%d rows and %d refused of %d", s.Good, s.Refused, rows)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// The figure that matters is rows/s: on one core, and it must stay far above what the commit can take.
func BenchmarkDecode(b *testing.B) {
	b.Run("history ndjson", func(b *testing.B) {
		benchmark(b, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.ndjson"), historyLines(100_000), 100_000)
	})
	b.Run("assets ndjson", func(b *testing.B) {
		benchmark(b, coincap.Assets, silvertest.Source(coincap.Assets, "x.ndjson"), assetLines(50_000), 50_000)
	})
	b.Run("history Parquet", func(b *testing.B) {
		benchmark(b, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.parquet"), historyParquet(b, 100_000), 100_000)
	})
	b.Run("assets of 20 coins", func(b *testing.B) {
		body := `{"timestamp":1745712000000,"data":[` + strings.Join(strings.Split(strings.TrimSpace(string(assetLines(20))), "\n"), ",") + `]}`
		benchmark(b, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), []byte(body), 20)
	})
}

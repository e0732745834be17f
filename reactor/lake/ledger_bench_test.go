package lake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"millrace/reactor/lake"
)

// BenchmarkLedger measures what the ledger adds to a commit and to a batch of events, on a ledger of 20,000 entries. It needs
// no object storage. The figures that matter are "record 1" (each live object) and "outcomes 500" (each batch of a replay).
func BenchmarkLedger(b *testing.B) {
	l, err := lake.Open(b.Context(), nil, "b", "sqlite://"+b.TempDir()+"/catalog.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	entries := make([]lake.Entry, 20000)
	ids := make([]string, len(entries))
	for i := range entries {
		ids[i] = fmt.Sprintf("%064x", i*7919)
		entries[i] = lake.Entry{
			EventID: ids[i], Table: "asset_prices", SourceKey: fmt.Sprintf("bronze/coincap/history/ingest_date=2026-01-31/coin-%d_d1_2026-01-31.json", i),
			SourceVersion: "3f0e2c1e-6d8c-4f0e-9a3e-0f5a5b1d7c11", ModifiedAt: time.UnixMilli(int64(i)).UTC(), Outcome: lake.OutcomeDone,
			SnapshotID: 3051729675574597004, Sequence: int64(i), Run: "20260131T120000Z-abcd", At: time.UnixMicro(int64(i)).UTC(),
		}
	}
	if err := l.Record(b.Context(), entries...); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 20, 1000} {
		live := append([]lake.Entry{}, entries[:n]...)
		for i := range live {
			live[i].Run = ""
		}
		b.Run(fmt.Sprintf("record %d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				for k := range live {
					live[k].EventID = fmt.Sprintf("%032x%032x", i, k)
				}
				if err := l.Record(b.Context(), live...); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("record %d of a replay", n), func(b *testing.B) {
			for b.Loop() {
				if err := l.Record(b.Context(), entries[:n]...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, n := range []int{1, 500, 2000} {
		for name, ask := range map[string]func(context.Context, []string) (int, error){
			"outcomes": func(ctx context.Context, ids []string) (int, error) {
				found, err := l.Outcomes(ctx, "asset_prices", ids)
				return len(found), err
			},
			"known": func(ctx context.Context, ids []string) (int, error) {
				found, err := l.Known(ctx, ids)
				return len(found), err
			},
		} {
			b.Run(fmt.Sprintf("%s %d", name, n), func(b *testing.B) {
				for b.Loop() {
					if found, err := ask(b.Context(), ids[:n]); err != nil || found != n {
						b.Fatal(found, err)
					}
				}
			})
		}
	}
	b.Run("all entries", func(b *testing.B) {
		for b.Loop() {
			if err := l.Entries(b.Context(), func(lake.Entry) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("commit of pins", func(b *testing.B) {
		for i := int64(1); b.Loop(); i++ {
			_, err := l.Commit(b.Context(), nil, func(tx *lake.Tx, _ []*lake.Table) error {
				return tx.Pin(b.Context(), lake.Pins{Step: i, Tables: map[string]lake.Pin{"silver.asset_prices": {SnapshotID: i, Sequence: i}, "silver.asset_snapshots": {SnapshotID: i, Sequence: i}}}, time.UnixMicro(i))
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

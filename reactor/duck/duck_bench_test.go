package duck

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The figure for 20 rows, a snapshot of the top 20, matters most: every price pays it on its way to gold.
func BenchmarkIn(b *testing.B) {
	for _, n := range []int{20, 8_000, 200_000} {
		c := open(b, Config{})
		exec(b, c, "create table t "+lakeTable)
		batch := lakeRows(memory.DefaultAllocator, n)
		b.Run(fmt.Sprintf("insert/%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := c.Insert(b.Context(), "t", lakeTypes, batch); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				exec(b, c, "truncate t")
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("register/%d", n), func(b *testing.B) {
			for b.Loop() {
				rr, err := array.NewRecordReader(lakeTypes, []arrow.RecordBatch{batch})
				if err != nil {
					b.Fatal(err)
				}
				release, err := c.Register("v", rr)
				if err != nil {
					b.Fatal(err)
				}
				exec(b, c, "insert into t by name from v")
				release()
				b.StopTimer()
				exec(b, c, "truncate t")
				b.StartTimer()
			}
		})
	}
}

// A batch of 512 objects comes as 512 small batches.
func BenchmarkInManySmall(b *testing.B) {
	c := open(b, Config{})
	exec(b, c, "create table t "+lakeTable)
	var batches []arrow.RecordBatch
	for range 512 {
		batches = append(batches, lakeRows(memory.DefaultAllocator, 20))
	}
	for b.Loop() {
		if err := c.Insert(b.Context(), "t", lakeTypes, batches...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		exec(b, c, "truncate t")
		b.StartTimer()
	}
}

func BenchmarkOut(b *testing.B) {
	for _, n := range []int{20, 8_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := open(b, Config{})
			exec(b, c, "create table t "+lakeTable)
			if err := c.Insert(b.Context(), "t", lakeTypes, lakeRows(memory.DefaultAllocator, n)); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				exec(b, c, "from t")
			}
		})
	}
}

package lake_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	s3 "github.com/minio/minio-go/v7"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

// A commit as gold makes it: each table's file of a month replaced by one with 600 rows. What it takes is object storage's
// round trips and the transaction's fsync, so it needs a real MinIO.
func BenchmarkCommit(b *testing.B) {
	s := harness.Start(b, harness.WithoutReactor())
	rows := make([]row, 600)
	for i := range rows {
		rows[i] = row{"coin", 600, int64(i)}
	}
	for name, tables := range map[string][]string{"one table": {"a"}, "two tables": {"a", "b"}} {
		b.Run(name, func(b *testing.B) {
			l := open(b, s)
			for b.Loop() {
				v := view(b, l)
				var changes []lake.Change
				for _, t := range tables {
					base := v.Tables[b.Name()+"."+t]
					old, err := l.Files(b.Context(), base, base.Snapshot(), lake.AllMonths)
					if err != nil {
						b.Fatal(err)
					}
					changes = append(changes, change(b, base, old, rows...))
				}
				if _, err := l.Commit(b.Context(), changes, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// processorTime is what the process has used. On a machine that does other things it tells more than the clock.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What a commit pays for the snapshots that its table keeps: each one reads, changes and writes the metadata whole.
func BenchmarkCommitBySnapshots(b *testing.B) {
	s := harness.Start(b, harness.WithoutReactor())
	for _, kept := range []int{30, 60, 120, 300, 600} {
		b.Run(fmt.Sprintf("%d snapshots", kept), func(b *testing.B) {
			l := open(b, s)
			var keep int64
			commit := func() *lake.Table {
				base := view(b, l).Tables[name(b, "a")]
				old, err := l.Files(b.Context(), base, base.Snapshot(), lake.AllMonths)
				if err != nil {
					b.Fatal(err)
				}
				c := change(b, base, old, row{"coin", 600, 1})
				c.Keep, c.Summary = keep, iceberg.Properties{"millrace.step": "12345", "millrace.silver.asset_snapshots": "7362145872634518273", "millrace.silver.asset_prices": "2362145872634518273"}
				next, err := l.Commit(b.Context(), []lake.Change{c}, nil)
				if err != nil {
					b.Fatal(err)
				}
				return next[0]
			}
			keep = commit().SnapshotID()
			for range kept - 2 {
				commit()
			}
			before := processorTime(b)
			for b.Loop() {
				commit()
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			info, err := s.Client().StatObject(b.Context(), s.Bucket(), strings.TrimPrefix(commit().Location, "s3://"+s.Bucket()+"/"), s3.StatObjectOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size), "bytes")
		})
	}
}

package recover_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"
	"golang.org/x/sync/errgroup"

	"millrace/infra/bucket"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// The figures that matter are s/pass, MB (peak memory of the whole program) and µs/object. MILLRACE_OBJECTS is the number of objects,
// 100,000 when not set; making them takes some minutes. No object is missed: one that is would cost five seconds more.
func BenchmarkReconcile(b *testing.B) {
	n := 100_000
	if text := os.Getenv("MILLRACE_OBJECTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	s := harness.Start(b, harness.WithoutReactor())
	if err := s.Client().SetBucketNotification(b.Context(), s.Bucket(), notification.Configuration{}); err != nil {
		b.Fatal(err)
	}
	var g errgroup.Group
	g.SetLimit(32)
	var made atomic.Int64
	for i := range n {
		g.Go(func() error {
			key := fmt.Sprintf("bronze/coincap/assets/ingest_date=%s/%06d.json", coin.Day(time.January, 1).AddDate(0, 0, i/300).Format(time.DateOnly), i)
			_, err := s.Client().PutObject(b.Context(), s.Bucket(), key, bytes.NewReader([]byte("{}")), 2, s3.PutObjectOptions{})
			if made.Add(1)%20000 == 0 {
				b.Logf("%d objects made", made.Load())
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	fill(b, s)
	for b.Loop() {
		cmd := exec.Command(harness.Program(b, "reactor"), "reconcile", "--output", "csv")
		cmd.Env = s.Env(b, "reactor")
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		took := time.Since(began)
		b.ReportMetric(took.Seconds(), "s/pass")
		b.ReportMetric(float64(took.Microseconds())/float64(n), "µs/object")
		b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB")
		b.Logf("%v: %s", took, out)
	}
}

// fill gives the ledger an entry for each object.
func fill(b *testing.B, s *harness.Stack) {
	b.Helper()
	l, err := lake.Open(b.Context(), s.Client(), s.Bucket(), "sqlite:///"+s.Catalog())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var entries []lake.Entry
	seen := 0
	began := time.Now()
	for o, err := range reconcile.Objects(b.Context(), bucket.Bucket{Client: s.Client(), Name: s.Bucket()}, "") {
		if err != nil {
			b.Fatal(err)
		}
		seen++
		entries = append(entries, lake.Entry{EventID: string(o.ID()), Table: "asset_snapshots", SourceKey: o.Key, SourceVersion: o.Version, ModifiedAt: o.ModifiedAt, Outcome: lake.OutcomeDone})
	}
	b.Logf("%d objects listed in %v", seen, time.Since(began))
	if err := l.Record(b.Context(), entries...); err != nil {
		b.Fatal(err)
	}
}

package duck

import (
	"math"
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/prometheus/procfs"
)

// resident returns the process's memory in bytes, with C's: a leak behind cgo shows nowhere else.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	stat, err := self.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return stat.ResidentMemory()
}

func TestNothingLeaks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("resident memory is read from /proc; elsewhere only the statements are exercised")
	}
	c := open(t, Config{Threads: 2, MemoryLimit: "64MiB"})
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	batch := lakeRows(mem, 500)
	defer batch.Release()
	exec(t, c, "create table t "+lakeTable)
	// Each round moves about 1 MB in and out in every way, failing ways included.
	round := func() {
		if err := c.Insert(t.Context(), "t", lakeTypes, batch); err != nil {
			t.Fatal(err)
		}
		rr, err := array.NewRecordReader(lakeTypes, []arrow.RecordBatch{batch})
		if err != nil {
			t.Fatal(err)
		}
		release, err := c.Register("v", &failing{rr, 1})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Exec(t.Context(), "from v")
		release()
		rr.Release()
		rows, err := c.Query(t.Context(), "from t")
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
		rows.RecordBatch().Retain()
		kept := rows.RecordBatch()
		rows.Close()
		kept.Release()
		if err := c.Exec(t.Context(), "select nope"); err == nil {
			t.Fatal("no error")
		}
		_ = c.Insert(t.Context(), "absent", lakeTypes, batch)
		if _, err := c.Describe(t.Context(), "from t"); err != nil {
			t.Fatal(err)
		}
		exec(t, c, "truncate t")
	}
	warm := 300
	if testing.Short() {
		warm = 20 // for the race detector, which keeps memory of its own
	}
	for range warm {
		round()
	}
	if runtime.GOOS != "linux" || testing.Short() {
		return
	}
	// Take the least of several measurements: each thread's allocator keeps freed memory for a while. A leak of 20 KB a round
	// makes 28 MB.
	level := func() int {
		least := math.MaxInt
		for range 10 {
			for range 20 {
				round()
			}
			least = min(least, resident(t))
		}
		return least
	}
	level()
	before := level()
	for range 6 {
		level()
	}
	if grown := level() - before; grown > 20<<20 {
		t.Errorf("memory grew by %d KiB in 1,400 rounds of about 1 MB", grown>>10)
	} else {
		t.Logf("memory grew by %d KiB in 1,400 rounds", grown>>10)
	}
}

func TestALargeResultStreams(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("resident memory is read from /proc; elsewhere only the rows are counted")
	}
	c := open(t, Config{Threads: 2, MemoryLimit: "64MiB"})
	rows, err := c.Query(t.Context(), "select i, 'a text long enough to live on the heap ' || i as s from range(5000000) t(i)") // about 400 MB
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n, before, peak := int64(0), 0, 0
	for b, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		if n%(2048*500) == 0 && runtime.GOOS == "linux" {
			peak = max(peak, resident(t))
			if before == 0 {
				before = peak
			}
		}
		n += b.NumRows()
	}
	if n != 5_000_000 || peak-before > 48<<20 {
		t.Errorf("%d rows, memory grew by %d MiB", n, (peak-before)>>20)
	}
}

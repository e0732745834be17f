package duck

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCompressWaitsForNobody(t *testing.T) {
	one := open(t, Config{Threads: 1})
	other := connectTo(t, one.db)
	compress := func(when string, want bool) {
		t.Helper()
		if ok, err := one.Compress(t.Context()); ok != want || err != nil {
			t.Errorf("%s: compressed %v, want %v; %v", when, ok, want, err)
		}
	}
	exec(t, one, "create table r as select range as n from range(300000)")
	rows, err := other.Query(t.Context(), "from r")
	if err != nil {
		t.Fatal(err)
	}
	compress("while rows are open", false)
	rows.Close()
	compress("after they are closed", true)
	if _, err := other.Query(t.Context(), "from nowhere"); err == nil {
		t.Fatal("a table that is not there was read")
	}
	compress("after a statement that failed", true)
	few, err := other.Few(t.Context(), "select 1")
	if err != nil {
		t.Fatal(err)
	}
	compress("while few rows are open", false)
	few.Close()
	compress("at the end", true)
}

// Statements that take all memory there is, and fail for want of more, do not end the database by a checkpoint beside them.
func TestCompressBesideStatementsThatTakeAllMemory(t *testing.T) {
	for tries := 0; tries < 100; {
		tries += compressBesideOthers(t)
	}
}

// compressBesideOthers inserts and compresses until an insert cannot be committed, and returns how often it tried to compress.
func compressBesideOthers(t *testing.T) (tries int) {
	t.Helper()
	c, failed := crowded(t)
	defer failed()
	exec(t, c, "create table r (n bigint, text varchar)")
	for ; tries < 60; tries++ {
		err := c.Exec(t.Context(), fmt.Sprintf("insert into r select range, hash(range + %d)::varchar from range(20000)", tries*20000))
		if failedCommit(err) {
			return tries
		}
		if err != nil && !OutOfMemory(err) {
			t.Fatal(err)
		}
		if _, err := c.Compress(t.Context()); err != nil {
			t.Fatalf("try %d: %v", tries, err)
		}
	}
	if failed() == 0 {
		t.Error("no statement failed for want of memory")
	}
	if ok, err := c.Compress(t.Context()); !ok || err != nil {
		t.Errorf("compressed %v, %v", ok, err)
	}
	return tries
}

// A commit that found no memory is taken back only in part: what is inserted into the table later is wrong. Until it happens every row is right,
// and then nothing runs any more.
func TestAFailedCommitEndsTheDatabase(t *testing.T) {
	for try := range 100 {
		if insertUntilACommitFails(t, try) {
			return
		}
	}
	t.Error("no commit failed in a hundred databases")
}

// insertUntilACommitFails inserts beside statements that take all memory, and tells whether a commit failed.
func insertUntilACommitFails(t *testing.T, try int) bool {
	t.Helper()
	c, failed := crowded(t)
	defer failed()
	exec(t, c, "create table r (i bigint, n bigint, text varchar)")
	const each = 20_000
	inserted := int64(0)
	for i := range 200 {
		err := c.Exec(t.Context(), fmt.Sprintf("insert into r select %d, range, hash(range + %d)::varchar from range(%d)", i, i*each, each))
		switch {
		case failedCommit(err):
			t.Logf("database %d, after %d inserts: %v", try, inserted, err)
			select {
			case <-c.db.Ended():
			default:
				t.Error("the database goes on")
			}
			if err := c.Exec(t.Context(), "select 1"); !ended(err) || !OfMachine(err) {
				t.Errorf("the next statement: %v", err)
			}
			failed()
			if ok, err := c.Compress(t.Context()); ok || !ended(err) {
				t.Errorf("compressed %v, %v", ok, err)
			}
			return true
		case OutOfMemory(err):
		case err != nil:
			t.Fatal(err)
		default:
			inserted++
		}
		sums, err := c.Ints(t.Context(), fmt.Sprintf("select unnest([count(*), count(distinct i), count(*) filter (text <> hash(n + i * %d)::varchar)]) from r", each))
		if want := []int64{inserted * each, inserted, 0}; err == nil && !slices.Equal(sums, want) {
			t.Fatalf("after %d inserts: rows, inserts and wrong rows are %v, want %v", inserted, sums, want)
		} else if err != nil && !OutOfMemory(err) {
			t.Fatal(err)
		}
	}
	return false
}

// crowded opens a database in which two other connections take all memory for a moment, again and again, until stop, which says how often it
// was not enough.
func crowded(t *testing.T) (conn *Conn, stop func() int64) {
	t.Helper()
	conn = open(t, Config{Threads: 1, MemoryLimit: "32MiB", TempDir: t.TempDir()})
	end := make(chan struct{})
	var failed atomic.Int64
	var group sync.WaitGroup
	for range 2 {
		c := connectTo(t, conn.db)
		group.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				// An ordered list cannot be spilled.
				if err := c.Exec(t.Context(), "select list(range order by range desc) from range(3000000)"); OutOfMemory(err) {
					failed.Add(1)
				}
			}
		})
	}
	var once sync.Once
	return conn, func() int64 {
		once.Do(func() { close(end); group.Wait() })
		return failed.Load()
	}
}

func connectTo(t *testing.T, db *DB) *Conn {
	t.Helper()
	c, err := db.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

package read_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"millrace/reactor/lake"
	"millrace/reactor/query"
	"millrace/tests/harness"
)

func TestAnAnalystLooksAroundInALake(t *testing.T) {
	s := harness.Start(t)
	s.Ingest(t, "history", "--from", "2025-06-01", "--to", "2025-06-30", "--assets", "bitcoin,ethereum")
	n := s.Count(t, "select count(*) as n from gold.rankings")

	list := s.CSV(t, "show tables")
	for _, table := range harness.GoldTables {
		if !strings.Contains(list, "\n"+table+"\n") {
			t.Errorf("SHOW TABLES lacks %s:\n%s", table, list)
		}
	}
	if got := s.CSV(t, "describe gold.rankings"); !strings.Contains(got, "\nday,DATE,") {
		t.Errorf("DESCRIBE lacks the day:\n%s", got)
	}
	summary := harness.Query[struct {
		Name  string `json:"column_name"`
		Max   *string
		Count int
	}](t, s, "summarize gold.rankings")
	if len(summary) == 0 || summary[0].Name != "asset_id" || *summary[0].Max != "ethereum" || summary[0].Count != n {
		t.Errorf("SUMMARIZE says %+v, of %d rows", summary, n)
	}
	if got := s.Count(t, "select count(*) as n from rankings"); got != n {
		t.Errorf("without the namespace there are %d rows, want %d", got, n)
	}
	both := s.Reactor(t, "query", "select 'first' as a; show tables; select 'second' as a")
	if at := []int{strings.Index(both, "first"), strings.Index(both, "gold.rankings"), strings.Index(both, "second")}; at[0] < 0 || at[0] > at[1] || at[1] > at[2] {
		t.Errorf("three results come in order:\n%s", both)
	}
	asOf(t, s, n)
	written(t, s, n)
}

// asOf reads the lake at every kind of moment.
func asOf(t *testing.T, s *harness.Stack, n int) {
	t.Helper()
	rankings, daily := s.Snapshots(t, "gold.rankings"), s.Snapshots(t, "gold.daily_summary")
	newest := rankings[len(rankings)-1]
	s.Reactor(t, "tag", "gold.rankings", "before", "--snapshot", fmt.Sprint(newest.Snapshot))
	s.Ingest(t, "snapshot", "--top", "2")
	const sql = "select (select count(*) from gold.rankings) + (select count(*) from gold.daily_summary) as n"
	for when, want := range map[string]int{
		"now": 2*n + 4, "before": 2 * n, fmt.Sprint(newest.Snapshot): 2 * n, "yesterday": 0, "2020-01-01": 0, "2020-01-01 12:00": 0,
		newest.CommittedAt.Format(time.RFC3339Nano): 2 * n, fmt.Sprint(daily[len(daily)-1].Snapshot): 2 * n,
	} {
		if got := s.Count(t, sql, "--as-of", when); got != want {
			t.Errorf("as of %s there are %d rows, want %d", when, got, want)
		}
	}
	if r := s.Run(t, "reactor", "tag", "gold.rankings", "yesterday"); r.Code == 0 {
		t.Error("a tag may be called yesterday, which is a time")
	}
}

// written has results in files.
func written(t *testing.T, s *harness.Stack, n int) {
	t.Helper()
	dir := t.TempDir()
	const sql = "select asset_id, day, close, first_observed_at, ['a', null] as list from gold.daily_summary where day <= date '2025-06-30' order by day, asset_id"
	file := func(name string) string {
		path := filepath.Join(dir, name)
		s.Reactor(t, "query", sql, "--file", path)
		return path
	}
	text, err := os.ReadFile(file("r.csv"))
	if err != nil || string(text) != s.CSV(t, sql) {
		t.Errorf("the CSV file is not what is printed: %v", err)
	}
	records, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(records) != n+1 {
		t.Fatalf("the CSV file has %d lines, want %d: %v", len(records), n+1, err)
	}
	closes, schema := parquetColumn(t, file("r.parquet"), 2)
	if len(closes) != n || strings.TrimRight(closes[0], "0") != records[1][2] {
		t.Errorf("the Parquet file has %d rows, the first %v, want %d and %s", len(closes), closes[0], n, records[1][2])
	}
	if got := schema.Field(2).Type.String() + " " + schema.Field(3).Type.String(); got != "decimal(38, 28) timestamp[us, tz=UTC]" {
		t.Errorf("the Parquet file's types are %s", got)
	}

	path := filepath.Join(dir, "r.json")
	s.Reactor(t, "query", sql, "--file", path, "--decimals", "string")
	var objects []struct{ Close string }
	if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, &objects) != nil || len(objects) != n || objects[0].Close != records[1][2] {
		t.Errorf("the JSON file has no decimals as strings: %v, %.200s", err, text)
	}
	// A query that fails half-way leaves the file as it was, and nothing beside it.
	before, _ := os.ReadFile(path)
	if r := s.Run(t, "reactor", "query", "select if(i = 200000, error('half-way'), i) from range(300000) t(i)", "--file", path); r.Code != 1 || !strings.Contains(r.Stderr, "half-way") {
		t.Errorf("a query that fails half-way: %s", r)
	}
	after, _ := os.ReadFile(path)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 || string(after) != string(before) {
		t.Errorf("after a query that failed: %v, %v, the file is the same: %v", entries, err, string(after) == string(before))
	}
}

// parquetColumn reads a column of a file as text.
func parquetColumn(t *testing.T, path string, column int) (values []string, schema *arrow.Schema) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := r.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Release()
	for _, chunk := range tab.Column(column).Data().Chunks() {
		for i := range chunk.Len() {
			values = append(values, chunk.ValueStr(i))
		}
	}
	return values, tab.Schema()
}

// 800,000 rows as a table took 2.4 GB, and a large sort 4.3 GB.
func TestALargeResultTakesBoundedMemory(t *testing.T) {
	s := harness.Start(t)
	for sql, shows := range map[string]string{
		"select i, md5(i::text) as m from range(800000) t(i)":                                                "… 799000 more rows, 800000 in all",
		"select i, md5(i::text) as m from range(1500000) t(i) order by m limit 2 offset 1400000":             "2",
		"with x as materialized (select i, md5(i::text) as m from range(1500000) t(i)) select max(m) from x": "ffff",
	} {
		cmd := exec.Command(harness.Program(t, "reactor"), "query", "--output", "table", "--memory", "64MiB", sql)
		cmd.Env = s.Env(t, "reactor")
		text, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(text), shows) {
			t.Fatalf("%s: %v\n%.2000s", sql, err, text)
		}
		// Linux counts in KiB. The program itself takes 120 MB.
		if peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10; peak > 320 {
			t.Errorf("%s took %d MiB with --memory 64MiB", sql, peak)
		}
	}
}

func TestSessionsOfOneProcessSeeTheirOwnSnapshots(t *testing.T) {
	s := harness.Start(t)
	s.Ingest(t, "history", "--from", "2025-06-01", "--to", "2025-06-30", "--assets", "bitcoin")
	l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), "sqlite://"+s.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	open := func(c query.Config) *query.Session {
		c.Lake, c.Memory, c.Threads = l, "64MiB", 1
		session, err := query.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(session.Close)
		return session
	}
	const sql = "select count(*) from silver.asset_prices; select count(*) from gold.rankings"
	old, unread := open(query.Config{}), open(query.Config{})
	first := numbers(t, old, sql)
	s.Ingest(t, "history", "--from", "2025-06-01", "--to", "2025-06-30", "--assets", "ethereum")
	second := numbers(t, open(query.Config{}), sql)
	if second[0] != 2*first[0] || second[1] != 2*first[1] || first[0] == 0 {
		t.Errorf("before and after: %v, %v", first, second)
	}
	var all sync.WaitGroup
	for session, want := range map[*query.Session][]int64{old: first, unread: first, open(query.Config{}): second} {
		all.Go(func() {
			for range 20 {
				if got := numbers(t, session, sql); got[0] != want[0] || got[1] != want[1] {
					t.Errorf("a session sees %v, its snapshots have %v", got, want)
				}
			}
		})
	}
	all.Wait()
	if err := old.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, old, sql); got[0] != second[0] || got[1] != second[1] {
		t.Errorf("after a refresh: %v, want %v", got, second)
	}
	limited(t, open(query.Config{MaxRows: 5000}))
}

// limited holds a session to its limits, after which it goes on.
func limited(t *testing.T, session *query.Session) {
	t.Helper()
	if _, err := drained(t.Context(), session, "from range(5001)"); err == nil || !strings.Contains(err.Error(), "more than 5000 rows") {
		t.Errorf("a row too many: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { time.Sleep(20 * time.Millisecond); cancel() }() // whenever it comes: the query would take hours
	if _, err := drained(ctx, session, "select count(*) from range(1000000) a, range(1000000) b where a.range * b.range % 7 = 3"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled query: %v", err)
	}
	if n, err := drained(t.Context(), session, "from range(5000)"); err != nil || n != 5000 {
		t.Errorf("after that: %d rows, %v", n, err)
	}
}

// drained runs a text and counts its rows.
func drained(ctx context.Context, session *query.Session, sql string) (n int64, err error) {
	for result, err := range session.Run(ctx, sql) {
		if err != nil {
			return n, err
		}
		for b, err := range result.Batches() {
			if err != nil {
				return n, err
			}
			n += b.NumRows()
		}
	}
	return n, nil
}

// numbers runs a text and gives the first value of each result.
func numbers(t *testing.T, session *query.Session, sql string) (all []int64) {
	for result, err := range session.Run(t.Context(), sql) {
		if err != nil {
			t.Error(err)
			return []int64{-1, -1}
		}
		for row, err := range result.Cells() {
			if err != nil {
				t.Error(err)
				return []int64{-1, -1}
			}
			all = append(all, row[0].(int64))
		}
	}
	return all
}

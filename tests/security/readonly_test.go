package security_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // driver "sqlite3"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// catalogOfReaders does what PyIceberg does with the catalog that a role is given: it hands SQLite what stands behind
// sqlite:///, as SQLAlchemy does. (A dropped table was a reset of the whole lake once.)
func catalogOfReaders(t *testing.T, s *harness.Stack) {
	for _, role := range []string{"analyst", "reporter"} {
		address := s.Vars(t, role)["MILLRACE_CATALOG"]
		db, err := sql.Open("sqlite3", strings.TrimPrefix(address, "sqlite:///"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		count := func() (n int) {
			t.Helper()
			if err := db.QueryRow("SELECT count(*) FROM iceberg_tables WHERE table_namespace IN ('silver', 'gold')").Scan(&n); err != nil {
				t.Errorf("%s cannot read the catalog: %v", role, err)
			}
			return n
		}
		before := count()
		for _, statement := range []string{
			"DELETE FROM iceberg_tables WHERE table_name = 'rankings'", "UPDATE iceberg_tables SET metadata_location = 'x'", "DROP TABLE millrace_ledger",
			"CREATE TABLE mine (a int)", "PRAGMA journal_mode = DELETE", "PRAGMA user_version = 9", "VACUUM",
		} {
			if _, err := db.Exec(statement); err == nil && !strings.HasPrefix(statement, "PRAGMA journal") {
				t.Errorf("%s may %s", role, statement)
			}
		}
		if now := count(); before < 7 || now != before {
			t.Errorf("%s saw %d tables and then %d", role, before, now)
		}

		// The reactor writes while others read: neither waits for the other.
		stop := make(chan struct{})
		var reading sync.WaitGroup
		reading.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					count()
				}
			}
		})
		for i := range 5 {
			s.PutAndWait(t, coin.AssetsKey(role+string(rune('a'+i))+".json"), coin.Assets(coin.Day(time.June, 2+i), coin.Asset("bitcoin", "1", "1")), nil)
		}
		close(stop)
		reading.Wait()

		run := func(args ...string) harness.Result {
			t.Helper()
			return harness.RunProgram(t, s.Env(t, role), "reactor", args...)
		}
		for _, args := range [][]string{{"query", "from gold.rankings"}, {"tables"}, {"snapshots", "gold.rankings"}, {"changes", "gold.rankings", "--from", "0"}} {
			if r := run(args...); r.Code != 0 {
				t.Errorf("%s: %s", role, r)
			}
		}
		if r := run("tag", "gold.rankings", "mine"); r.Code != 1 || strings.Count(r.Stderr, "Access Denied") != 1 || !strings.Contains(r.Stderr, "the owner's may") {
			t.Errorf("%s tags: %s", role, r)
		}
		// What the reactor's own file has would let it publish.
		if r := run("replay", "--key", "bronze/x"); r.Code != 1 || !strings.Contains(r.Stderr, "NATS") {
			t.Errorf("%s replays: %s", role, r)
		}
	}
	if r := s.Run(t, "reactor", "query", "from gold.rankings"); r.Code != 0 {
		t.Errorf("after all that the lake is whole: %s", r)
	}
}

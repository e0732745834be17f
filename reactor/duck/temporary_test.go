package duck

import (
	"strings"
	"testing"
)

// The programs open databases with Unlocked unset; tests/layout checks that.
func TestATemporaryDatabaseIsLocked(t *testing.T) {
	err := TemporaryConn("64MiB", func(conn *Conn) error {
		for _, sql := range []string{
			"select * from read_text('/etc/hostname')", "select * from read_csv('http://127.0.0.1:1/x.csv')", "copy (select 1) to 'out.csv'",
			"attach 'other.db'", "install httpfs", "load httpfs", "set enable_external_access = true", "set lock_configuration = false",
		} {
			err := conn.Exec(t.Context(), sql)
			if err == nil || !strings.Contains(err.Error(), "disabled") && !strings.Contains(err.Error(), "locked") && !strings.Contains(err.Error(), "Cannot change") {
				t.Errorf("%s: %v, want a refusal", sql, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

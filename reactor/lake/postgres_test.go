//go:build postgres

package lake

import (
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"millrace/tests/postgres"
)

// TestMain lets all tests of the package share one server.
func TestMain(m *testing.M) { postgres.Main(m, databases) }

func TestARoleThatMayOnlySelectReadsTheLake(t *testing.T) {
	address := databases["PostgreSQL"](t)
	old(t, address)
	owner, err := connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.db.Close() }()
	do := func(statement string) {
		t.Helper()
		if _, err := owner.db.DB.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	role := "analyst_of_" + address[strings.LastIndex(address, "/")+1:strings.LastIndex(address, "?")]
	mayRead := `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ` + role
	do(`CREATE ROLE ` + role + ` LOGIN; ` + mayRead)
	analyst := strings.Replace(address, "owner@", role+"@", 1)
	if said := read(t, analyst); !strings.Contains(said, notCurrent) {
		t.Errorf("before the migration: %q, want %q", said, notCurrent)
	}
	if version, err := owner.version(t.Context()); err != nil || version != 0 {
		t.Errorf("a reader left version %d, %v", version, err)
	}
	if err := owner.migrate(t.Context(), migrations); err != nil {
		t.Fatal(err)
	}
	if said := read(t, analyst); !strings.Contains(said, "permission denied for table millrace_schema") || !strings.Contains(said, "grant it again") {
		t.Errorf("before the right to read the new table: %q", said)
	}
	do(mayRead)
	if said := read(t, analyst); said != allRead {
		t.Errorf("%q, want %q", said, allRead)
	}
}

// A view of the lake is of one instant: a step of gold that ends between its two statements shows in neither.
func TestAViewIsOfOneInstant(t *testing.T) {
	address := databases["PostgreSQL"](t)
	old(t, address)
	c := opened(t, address)
	l := &Lake{catalog: c}
	err := c.read(t.Context(), func(tx bun.Tx) error {
		if _, err := pointers(t.Context(), tx); err != nil {
			return err
		}
		_, err := l.Commit(t.Context(), nil, func(tx *Tx, _ []*Table) error {
			return tx.Pin(t.Context(), Pins{Step: 3, Tables: map[string]Pin{"silver.asset_prices": {7, 7}}}, at(20))
		})
		if err != nil {
			return err
		}
		if p, err := pins(t.Context(), tx); err != nil || p.Step != 2 {
			t.Errorf("the view has the pins of step %d, %v; its pointers are of step 2", p.Step, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

//go:build interop

package interop_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace/tests/harness"
)

const orders = `name: shop/orders
table: shop_orders
key: [order_id, observed_at]
rows: {at: orders}
fields:
  - {column: order_id, path: id, type: text, required: true}
  - {column: observed_at, path: placed_at, type: time, required: true}
  - {column: total, type: "decimal(9,2)"}
  - {column: pieces, type: integer}
  - {column: city, type: text}
  - {column: note, type: text, required: true}
`

// A definition changes in each way that keeps its table; PyIceberg, DuckDB and Spark read what there is before and after each change as
// the reactor does, and the snapshot of before all of them.
func TestOtherEnginesReadATableBeforeAndAfterEachChangeOfItsDefinition(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "shop", "orders.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(orders)
	t.Setenv("MILLRACE_DATASETS", folder)
	l := &lake{Stack: harness.Start(t, harness.WithEnv("MILLRACE_DATASETS="+folder))}
	l.PutAndWait(t, "bronze/shop/orders/ingest_date=2026-10-20/a.json", []byte(`{"orders":[
		{"id":"o-1","placed_at":"2026-09-19T10:00:00Z","total":"12.50","pieces":3,"city":"Ulm","note":"n","customer":"Ann"},
		{"id":"o-2","placed_at":"2026-10-20T10:00:00Z","total":"7","pieces":1,"city":"Kiel","note":"n"},
		{"id":"o-3","placed_at":"2026-10-20T11:00:00Z","total":"1","pieces":1,"city":"Kiel"}]}`), nil)
	const table = "silver.shop_orders"
	first := l.Current(t)[table]
	l.tag(t, table) // it must not expire
	sessions := []*session{
		pyiceberg.open(t, l.Lake, "analyst", "pyiceberg"), engine{"DuckDB 1.5.5", "duck", ""}.open(t, l.Lake, "analyst", "duckdb"),
		spark41.open(t, l.Lake, "analyst", "spark"),
	}
	kept := []string{"order_id", "total", "pieces"}
	before := own(t, l.Lake, table).only(kept).text(t)
	text := orders
	for _, step := range []struct{ name, old, new string }{
		{"nothing", "", ""},
		{"a new field", "  - {column: note,", "  - {column: customer, type: text}\n  - {column: note,"},
		{"wider types", `"decimal(9,2)"}` + "\n  - {column: pieces, type: integer}", `"decimal(12,2)"}` + "\n  - {column: pieces, type: long}"},
		{"another name", "{column: city,", "{column: town, path: city, was: [city],"},
		{"not required any more", "note, type: text, required: true", "note, type: text"},
		{"a field less", "  - {column: note, type: text}\n", ""},
		{"days", "key:", "partition: day\nkey:"}, // the last one: a row that changes moves to a file of its day
	} {
		if text = strings.Replace(text, step.old, step.new, 1); step.old != "" {
			write(text)
			l.Reactor(t, "reload")
			harness.Eventually(t, "all objects are read by the new definition", func() bool {
				return !strings.Contains(l.Reactor(t, "tables", "--output", "csv"), "left to be read again")
			})
			l.Settled(t)
		}
		now := own(t, l.Lake, table)
		for _, s := range sessions {
			if got := s.read(t, table, nil).only(now.Columns); got.text(t) != now.text(t) {
				t.Errorf("%s, %s reads\n%s\nwant\n%s", step.name, s.name, got.text(t), now.text(t))
			}
			if got := s.read(t, table, with{"snapshot": first}).only(kept).text(t); got != before {
				t.Errorf("%s, %s reads the first snapshot as\n%s\nwant\n%s", step.name, s.name, got, before)
			}
		}
		l.check(t, false)
	}
	l.PutAndWait(t, "bronze/shop/orders/ingest_date=2026-11-02/b.json", []byte(`{"orders":[{"id":"o-5","placed_at":"2026-11-02T10:00:00Z","pieces":8,"city":"Ulm"}]}`), nil)
	for where, want := range map[string][]string{
		"observed_at >= '2026-11-02T00:00:00+00:00'": {"observed_at_day 2026-11-02"},
		"observed_at < '2026-10-01T00:00:00+00:00'":  {"observed_at_month 680"},
	} {
		var got []string
		if err := json.Unmarshal(sessions[0].do(t, "planned", with{"table": table, "where": where}), &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, strings.Fields(want[0])[0]) }) {
			t.Errorf("PyIceberg opens %q for %s, want %q", got, where, want)
		}
	}
}

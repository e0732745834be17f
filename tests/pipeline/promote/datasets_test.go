package promote_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
)

const ordersDataset = `name: shop/orders
table: shop_orders
key: [order_id, observed_at]
rows:
  at: orders
fields:
  - {column: order_id, path: id, type: text, required: true, doc: number of the order}
  - {column: observed_at, path: placed_at, type: time, required: true, doc: when it was placed}
  - {column: total, type: "decimal(18,2)", min: 0, doc: "sum [EUR]"}
  - {column: city, path: customer.address.city, type: text}
  - {column: express, type: boolean, default: false}
  - {column: pieces, type: long}
  - {column: weight_kg, path: weight, type: double}
  - {column: due, type: date}
  - {column: tags, type: list<text>}
  - {column: prices, type: "map<text, decimal(9,2)>"}
  - {column: gift, type: "struct<whom: text, paid: boolean>"}
  - {column: note, type: json}
`

// ownFolders are those of somebody who has a source and a model of their own.
type ownFolders struct{ datasets, models string }

func newOwnFolders(t *testing.T) ownFolders {
	t.Helper()
	return ownFolders{t.TempDir(), t.TempDir()}
}

func (f ownFolders) env() []string {
	return []string{"MILLRACE_DATASETS=" + f.datasets, "MILLRACE_MODELS=" + f.models}
}

func (f ownFolders) write(t *testing.T, folder, file, text string) string {
	t.Helper()
	path := filepath.Join(folder, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// From objects that nobody waits for to a table of silver and one of gold, by two files: the way of docs/extend.md.
func TestAUsersOwnDatasetIsATable(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	own := newOwnFolders(t)
	run := func(code int, args ...string) harness.Result {
		t.Helper()
		r := s.RunEnv(t, own.env(), "reactor", args...)
		if r.Code != code {
			t.Errorf("reactor %v: want exit code %d, %s", args, code, r)
		}
		return r
	}
	// sees compares the columns of a query, those that are not null, one row a line.
	sees := func(what, columns, from, want string) {
		t.Helper()
		var rows []struct{ R string }
		sql := "select concat_ws('|', " + columns + ") as r from " + from + " order by r"
		if r := run(0, "query", sql, "--output", "json"); json.Unmarshal([]byte(r.Stdout), &rows) != nil {
			t.Errorf("%s: %s", what, r)
		}
		var got []string
		for _, row := range rows {
			got = append(got, row.R)
		}
		if s := strings.Join(got, "\n"); s != want {
			t.Errorf("%s: got\n%s\nwant\n%s", what, s, want)
		}
	}
	const first, second = "bronze/shop/orders/ingest_date=2026-11-20/a.json", "bronze/shop/orders/ingest_date=2026-11-21/b.json"
	reactor := s.StartReactor(t)
	s.Put(t, first, []byte(`{"orders":[{"id":"o-1","placed_at":"2026-11-19T10:00:00Z","total":"12.5","customer":{"name":"Ann","address":{"city":"Ulm"}},"pieces":3,"weight":1.25,
		"due":"2026-11-30","tags":["a","b"],"prices":{"y":2,"x":"1.5"},"gift":{"whom":"Bob","paid":true},"note":{"n": [1]}},
		{"id":"o-2","placed_at":"2026-11-19T11:00:00+01:00","total":7,"express":true},{"id":"o-3","placed_at":"2026-11-19T11:00:00Z","total":-1},{"placed_at":"2026-11-19T11:00:00Z"}]}`), nil)
	s.AwaitDeadLetters(t, 1)
	letter := s.DeadLetters(t)[0].Reason
	for _, want := range []string{`no dataset "shop/orders" is defined`, "reactor dataset infer " + first + " > datasets/shop/orders.yaml", "reactor dataset try datasets/shop/orders.yaml " + first} {
		if !strings.Contains(letter, want) {
			t.Errorf("the dead letter does not say %q: %s", want, letter)
		}
	}
	reactor.StopInOrder(t)

	proposal := own.write(t, t.TempDir(), "shop/orders.yaml", run(0, "dataset", "infer", first).Stdout)
	run(0, "dataset", "check", proposal)
	run(0, "dataset", "try", proposal, first)
	file := own.write(t, own.datasets, "shop/orders.yaml", strings.Replace(ordersDataset, "path: id", "pth: id", 1))
	if r := run(2, "tables"); !strings.Contains(r.Stderr, `shop/orders.yaml:7:24: a field has no key "pth"; did you mean path?`) {
		t.Errorf("a broken file: %s", r)
	}
	own.write(t, own.datasets, "shop/orders.yaml", ordersDataset)
	run(0, "dataset", "check", file)
	if r := run(0, "dataset", "try", file, first, "--show", "refused", "--output", "csv"); !strings.Contains(r.Stdout, `""-1"" is negative`) || !strings.Contains(r.Stdout, "is missing") {
		t.Errorf("try: %s", r)
	}
	if r := run(0, "plan", "--output", "csv"); !strings.Contains(r.Stdout, "create,silver.shop_orders") {
		t.Errorf("plan: %s", r)
	}
	own.write(t, own.models, "orders_by_day.sql", "-- model: gold.orders_by_day\n-- grain: day\n-- lookback: 0 days\n"+
		"select cast(observed_at as date) as day, count(*) as orders, sum(total::decimal(18, 2)) as total from silver.shop_orders group by all\n")

	reactor = s.StartReactor(t, own.env()...)
	run(0, "dlq", "retry", "--all")
	run(0, "wait", "--key", first)
	const orders = "silver.shop_orders"
	sees("the table", "order_id, total, city, express, pieces, weight_kg, due, tags, prices['x'], gift.whom, note", orders,
		`o-1|12.50|Ulm|false|3|1.25|2026-11-30|[a, b]|1.50|Bob|{"n":[1]}`+"\no-2|7.00|true")
	sees("what is refused", "field, reason", "silver.rejected", "id|is missing\ntotal|\"-1\" is negative")
	sees("what no field names", "extra", orders+" where extra is not null", `{"customer.name":"Ann"}`)
	sees("gold", "day, orders, total", "gold.orders_by_day", "2026-11-19|2|19.50")
	s.Put(t, second, []byte(`{"orders":[{"id":"o-2","placed_at":"2026-11-19T10:00:00Z","total":8.25},{"id":"o-4","placed_at":"2026-11-20T10:00:00Z","total":1}]}`), nil)
	run(0, "wait", "--key", second)
	sees("the newer row", "order_id, total, express", orders, "o-1|12.50|false\no-2|8.25|false\no-4|1.00|false")
	sees("gold after it", "day, orders, total", "gold.orders_by_day", "2026-11-19|2|20.75\n2026-11-20|1|1.00")
	s.CheckEqual(t, own.env()...)

	run(0, "replay", "--dataset", "shop/orders", "--wait")
	s.CheckEqual(t, own.env()...)
	if r := run(0, "trace", "silver.shop_orders", "o-2", "2026-11-19T10:00:00Z", "--output", "csv"); !strings.Contains(r.Stdout, second) {
		t.Errorf("trace: %s", r)
	}
	for _, page := range []string{"/tables", "/tables/silver.shop_orders", "/tables/silver.shop_orders/profile", "/tables/silver.shop_orders/snapshots", "/tables/gold.orders_by_day", "/bronze/object?key=" + url.QueryEscape(second)} {
		if code, body := harness.Get(t, "http://"+reactor.Addr+page); code != 200 || !strings.Contains(body, "orders") {
			t.Errorf("%s: %d\n%s", page, code, body)
		}
	}

	// A field more is a column more, which a replay fills.
	reactor.StopInOrder(t)
	own.write(t, own.datasets, "shop/orders.yaml", ordersDataset+"  - {column: customer, path: customer.name, type: text}\n")
	if r := run(0, "plan", "--output", "csv"); !strings.Contains(r.Stdout, "add column,silver.shop_orders") {
		t.Errorf("plan of a new column: %s", r)
	}
	s.StartUnready(t, own.env()...)
	run(0, "replay", "--dataset", "shop/orders", "--wait")
	sees("the new column", "order_id, customer, extra", orders, "o-1|Ann\no-2\no-4")
	s.CheckEqual(t, own.env()...)

	env := own.env()
	for name, value := range s.Vars(t, "owner") {
		env = append(env, name+"="+value)
	}
	if r := s.RunEnv(t, env, "reactor", "retract", second); r.Code != 0 {
		t.Fatalf("retract: %s", r)
	}
	sees("what is left", "order_id, total", orders, "o-1|12.50\no-2|7.00")
	sees("gold of what is left", "day, orders, total", "gold.orders_by_day", "2026-11-19|2|19.50")
	s.CheckEqual(t, own.env()...)
}

// Two files cannot fill one table, nor take the place of one of the program's.
func TestDatasetsThatClashAreRefusedAtTheStart(t *testing.T) {
	own := newOwnFolders(t)
	for file, text := range map[string]string{
		"shop/orders.yaml":    strings.Replace(ordersDataset, "table: shop_orders", "table: asset_prices", 1),
		"coincap/assets.yaml": strings.Replace(ordersDataset, "name: shop/orders", "name: coincap/assets", 1),
		"shop/other.yaml":     ordersDataset,
	} {
		folder := t.TempDir()
		own.write(t, folder, file, text)
		r := harness.RunProgram(t, []string{"MILLRACE_DATASETS=" + folder, "PATH=" + os.Getenv("PATH")}, "reactor", "dataset", "list")
		if r.Code == 0 || !strings.Contains(r.Stderr, "is there already") && !strings.Contains(r.Stderr, "the file of that dataset is shop/orders.yaml") {
			t.Errorf("%s: %s", file, fmt.Sprint(r))
		}
	}
}

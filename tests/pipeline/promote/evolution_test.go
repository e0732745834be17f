package promote_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// evolving is a dataset that people change, with the model that reads it.
const (
	evolving = `name: shop/orders
table: shop_orders
key: [order_id, observed_at]
rows: {at: orders}
fields:
  - {column: order_id, path: id, type: text, required: true}
  - {column: observed_at, path: placed_at, type: time, required: true}
  - {column: total, type: "decimal(9,2)", min: 0}
  - {column: pieces, type: integer}
  - {column: city, type: text}
  - {column: note, type: text, required: true}
`
	ordersModel = "-- model: gold.orders_by_day\n-- grain: day\n-- lookback: 0 days\n" +
		"select cast(observed_at as date) as day, count(*) as orders%s from silver.shop_orders group by all\n"
)

// evolution is a lake whose user changes files.
type evolution struct {
	*harness.Stack
	t       *testing.T
	own     ownFolders
	text    string // of the dataset
	tags    int
	reactor *harness.Reactor
}

func (e *evolution) run(code int, args ...string) harness.Result {
	e.t.Helper()
	r := e.RunEnv(e.t, e.own.env(), "reactor", args...)
	if r.Code != code {
		e.t.Errorf("reactor %v: want exit code %d, %s", args, code, r)
	}
	return r
}

// change writes another file of the dataset: old and new come in turns.
func (e *evolution) change(replace ...string) {
	e.t.Helper()
	changed := strings.NewReplacer(replace...).Replace(e.text)
	if changed == e.text {
		e.t.Fatalf("%q changes nothing of\n%s", replace, e.text)
	}
	e.text = changed
	e.own.write(e.t, e.own.datasets, "shop/orders.yaml", e.text)
}

// plans compares what a start would do to tables: action and table, one a line.
func (e *evolution) plans(want ...string) (why string) {
	e.t.Helper()
	r := e.run(0, "plan", "--output", "csv")
	records, err := csv.NewReader(strings.NewReader(r.Stdout)).ReadAll()
	if err != nil {
		e.t.Fatal(err)
	}
	var got []string
	for _, fields := range records[1:] {
		got = append(got, fields[0]+" "+fields[1])
		why += fields[len(fields)-1] + "\n"
	}
	if !slices.Equal(got, want) {
		e.t.Errorf("plan: %q, want %q\n%s", got, want, r.Stdout)
	}
	return why
}

// reloads has the reactor take the files, and waits until each object is read by the new definition and gold has followed.
func (e *evolution) reloads() {
	e.t.Helper()
	e.run(0, "reload")
	e.settles()
}

func (e *evolution) settles() {
	e.t.Helper()
	harness.Eventually(e.t, "all objects are read by the new definition", func() bool {
		return !strings.Contains(e.RunEnv(e.t, e.own.env(), "reactor", "tables", "--output", "csv").Stdout, "left to be read again")
	})
	e.Settled(e.t)
	e.CheckEqual(e.t, e.own.env()...)
}

// sees compares the rows of the table, or of one of its tags.
func (e *evolution) sees(what, columns, want string, flags ...string) {
	e.t.Helper()
	sql := "select concat_ws('|', " + columns + ") as r from silver.shop_orders order by r"
	r := e.run(0, append([]string{"query", sql, "--output", "csv"}, flags...)...)
	lines, err := csv.NewReader(strings.NewReader(r.Stdout)).ReadAll()
	if err != nil || len(lines) == 0 {
		e.t.Fatalf("%s: %v, %s", what, err, r)
	}
	var rows []string
	for _, fields := range lines[1:] {
		rows = append(rows, fields[0])
	}
	if got := strings.Join(rows, "\n"); got != want {
		e.t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// keeps names the snapshot that there is now, and returns what reads it.
func (e *evolution) keeps() []string {
	e.t.Helper()
	e.tags++
	name := fmt.Sprintf("step-%d", e.tags)
	e.run(0, "tag", "silver.shop_orders", name)
	return []string{"--snapshot", "silver.shop_orders=" + name}
}

// A user changes a dataset's file in each way there is, on a table with rows: plan says what comes of it before, a running reactor takes
// it when told, no snapshot of before is lost, and the table is always what its objects and the file give.
func TestADefinitionEvolvesAsItsUserDoesIt(t *testing.T) {
	e := &evolution{Stack: harness.Start(t, harness.WithoutReactor()), t: t, own: newOwnFolders(t), text: evolving}
	e.own.write(t, e.own.datasets, "shop/orders.yaml", evolving)
	e.own.write(t, e.own.models, "orders_by_day.sql", fmt.Sprintf(ordersModel, ""))
	e.reactor = e.StartReactor(t, e.own.env()...)
	e.Put(t, "bronze/shop/orders/ingest_date=2026-10-20/a.json", []byte(`{"orders":[
		{"id":"o-1","placed_at":"2026-09-19T10:00:00Z","total":"12.50","pieces":3,"city":"Ulm","note":"n","customer":"Ann"},
		{"id":"o-2","placed_at":"2026-10-19T10:00:00Z","total":"7","pieces":3000000000,"city":"Bonn","note":"n","customer":"Bob"},
		{"id":"o-3","placed_at":"2026-10-20T10:00:00Z","total":"12345678.25","pieces":1,"city":"Kiel","note":"n"},
		{"id":"o-4","placed_at":"2026-10-20T11:00:00Z","total":"1","pieces":1,"city":"Kiel"}]}`), nil)
	e.run(0, "wait", "--key", "bronze/shop/orders/ingest_date=2026-10-20/a.json")
	e.plans()
	e.sees("at first", "order_id, total, pieces, city, note, extra", `o-1|12.50|3|Ulm|n|{"customer":"Ann"}`)

	first := e.keeps()
	e.change("  - {column: note,", "  - {column: customer, type: text}\n  - {column: note,")
	why := e.plans("add column silver.shop_orders", "read again silver.shop_orders")
	if !strings.Contains(why, "customer string, null in these rows until their objects are read again") {
		t.Errorf("plan says %s", why)
	}
	e.reloads()
	e.sees("a new field", "order_id, customer, extra", "o-1|Ann")

	e.change("decimal(9,2)", "decimal(12,2)", "pieces, type: integer", "pieces, type: long")
	e.plans("widen column silver.shop_orders", "widen column silver.shop_orders", "read again silver.shop_orders")
	e.reloads()
	e.sees("wider types", "order_id, total, pieces", "o-1|12.50|3\no-2|7.00|3000000000\no-3|12345678.25|1")

	wide := e.keeps()
	e.change("{column: city,", "{column: town, path: city, was: [city],")
	e.plans("rename column silver.shop_orders", "read again silver.shop_orders")
	e.reloads()
	e.sees("another name", "order_id, town", "o-1|Ulm\no-2|Bonn\no-3|Kiel")

	e.change("  - {column: customer, type: text}\n", "", "  - {column: total,", "  - {column: customer, type: text}\n  - {column: total,")
	e.plans("read again silver.shop_orders")
	e.reloads()
	e.sees("another order", "order_id, customer, total", "o-1|Ann|12.50\no-2|Bob|7.00\no-3|12345678.25")

	e.change("{column: note, type: text, required: true}", "{column: note, type: text}")
	e.plans("read again silver.shop_orders")
	e.reloads()
	e.sees("not required any more", "order_id, note", "o-1|n\no-2|n\no-3|n\no-4")

	e.change("  - {column: note, type: text}\n", "")
	e.plans("read again silver.shop_orders")
	e.reloads()
	e.sees("a field less", "order_id, note, extra", `o-1|{"note":"n"}`+"\n"+`o-2|{"note":"n"}`+"\n"+`o-3|{"note":"n"}`+"\no-4")

	e.days()
	e.own.write(t, e.own.models, "orders_by_day.sql", fmt.Sprintf(ordersModel, ", sum(pieces::decimal(18, 0))::bigint as pieces"))
	e.plans("rebuild gold.orders_by_day")
	e.reloads()
	if got := e.run(0, "query", "select concat_ws('|', day, orders, pieces) as r from gold.orders_by_day order by r", "--output", "csv").Stdout; got != "r\n2026-09-19|1|3\n2026-10-19|1|3000000000\n2026-10-20|2|2\n2026-11-02|1|8\n" {
		t.Errorf("a new column of a model: %s", got)
	}

	e.refuses()
	e.anotherKey()
	e.sees("the first snapshot", "order_id, total, pieces", "o-1|12.50|3", first...)
	e.sees("the snapshot before the rename", "order_id, total, pieces", "o-1|12.50|3\no-2|7.00|3000000000\no-3|12345678.25|1", wide...)
}

// days divides the table by days: the files that are there stay, and a read of some days opens the files of these, old ones and new ones.
func (e *evolution) days() {
	e.t.Helper()
	files := func(flags ...string) (all []string) {
		for _, line := range strings.Split(strings.TrimSpace(e.run(0, append([]string{"files", "silver.shop_orders", "--output", "csv"}, flags...)...).Stdout), "\n")[1:] {
			fields := strings.Split(line, ",")
			all = append(all, fields[0]+" "+fields[1])
		}
		slices.Sort(all)
		return slices.Compact(all) // a month may have more than one file
	}
	e.change("key: [order_id, observed_at]", "key: [order_id, observed_at]\npartition: day")
	if why := e.plans("change partition silver.shop_orders"); !strings.Contains(why, "new files are divided by day(observed_at), which was month(observed_at); the files that are there stay as they are") {
		e.t.Errorf("plan says %s", why)
	}
	before := files()
	e.reloads()
	if now := files(); !slices.Equal(now, before) {
		e.t.Errorf("files %q, before %q", now, before)
	}
	const key = "bronze/shop/orders/ingest_date=2026-11-02/b.json"
	e.Put(e.t, key, []byte(`{"orders":[{"id":"o-5","placed_at":"2026-11-02T10:00:00Z","pieces":8,"city":"Ulm"}]}`), nil)
	e.run(0, "wait", "--key", key)
	e.CheckEqual(e.t, e.own.env()...)
	for flags, want := range map[string][]string{
		"":                                  {"day(observed_at) 2026-11-02", "month(observed_at) 2026-09", "month(observed_at) 2026-10"},
		"--from 2026-10-01 --to 2026-10-31": {"month(observed_at) 2026-10"},
		"--from 2026-09-19 --to 2026-09-19": {"month(observed_at) 2026-09"},
		"--from 2026-09-20 --to 2026-10-18": nil,
		"--from 2026-10-20 --to 2026-11-02": {"day(observed_at) 2026-11-02", "month(observed_at) 2026-10"},
		"--from 2026-11-03":                 nil,
		"--from 2026-11-01":                 {"day(observed_at) 2026-11-02"},
	} {
		if got := files(strings.Fields(flags)...); !slices.Equal(got, want) {
			e.t.Errorf("a read of %s opens %q, want %q", flags, got, want)
		}
	}
}

// refuses tries what would lose something: plan, reload and a start say so, and nothing is written.
func (e *evolution) refuses() {
	e.t.Helper()
	sound, before := e.text, e.Pointers(e.t)
	for _, c := range []struct{ old, new, says string }{
		{`"decimal(12,2)", min: 0`, `text`, "silver.shop_orders has the column total as decimal(12, 2), and its definition says string"},
		{"column: pieces, type: long", "column: pieces, type: integer, min: many", "the bound many is no integer"},
	} {
		e.change(c.old, c.new)
		if r := e.RunEnv(e.t, e.own.env(), "reactor", "plan"); r.Code == 0 || !strings.Contains(r.Stderr, c.says) {
			e.t.Errorf("plan of %s: %s", c.new, r)
		}
		if r := e.RunEnv(e.t, e.own.env(), "reactor", "reload"); r.Code == 0 || !strings.Contains(r.Stderr, c.says) {
			e.t.Errorf("reload with %s: %s", c.new, r)
		}
		e.text = sound
	}
	e.own.write(e.t, e.own.datasets, "shop/orders.yaml", sound)
	if now := e.Pointers(e.t); fmt.Sprint(now) != fmt.Sprint(before) {
		e.t.Errorf("the tables were changed: %v, before %v", now, before)
	}
	e.plans()
}

// anotherKey gives the table another key, on a branch that becomes main.
func (e *evolution) anotherKey() {
	e.t.Helper()
	e.change("key: [order_id, observed_at]", "key: [order_id, town, observed_at]", "was: [city], type: text", "was: [city], type: text, required: true")
	if why := e.plans("refuse silver.shop_orders"); !strings.Contains(why, "have the key observed_at, order_id, and the definition says observed_at, order_id, town") {
		e.t.Errorf("plan says %s", why)
	}
	if r := e.RunEnv(e.t, e.own.env(), "reactor", "reload"); r.Code == 0 || !strings.Contains(r.Stderr, "reactor replay --dataset shop/orders --anew --branch new-key") {
		e.t.Errorf("reload with another key: %s", r)
	}
	e.run(0, "replay", "--dataset", "shop/orders", "--anew", "--branch", "new-key")
	if r := e.RunEnv(e.t, e.own.env(), "reactor", "publish", "new-key"); r.Code == 0 || !strings.Contains(r.Stderr, "a reactor runs, and it has another definition") {
		e.t.Errorf("publish beside a reactor: %s", r)
	}
	e.reactor.StopInOrder(e.t)
	e.run(0, "publish", "new-key")
	e.reactor = e.StartReactor(e.t, e.own.env()...)
	e.plans()
	const key = "bronze/shop/orders/ingest_date=2026-11-03/c.json"
	e.Put(e.t, key, []byte(`{"orders":[{"id":"o-5","placed_at":"2026-11-02T10:00:00Z","pieces":9,"city":"Bonn"}]}`), nil)
	e.run(0, "wait", "--key", key)
	e.sees("another key", "order_id, town, pieces", "o-1|Ulm|3\no-2|Bonn|3000000000\no-3|Kiel|1\no-4|Kiel|1\no-5|Bonn|9\no-5|Ulm|8")
	e.CheckEqual(e.t, e.own.env()...)
}

package tables_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

const own = `name: shop/orders
table: shop_orders
key: [order_id, observed_at]
fields:
  - {column: order_id, path: id, type: text, required: true}
  - {column: observed_at, path: placed_at, type: time, required: true}
  - {column: total, type: "decimal(18,2)"}
  - {column: express, type: boolean}
  - {column: weight_kg, type: double}
  - {column: due, type: date}
  - {column: tags, type: list<text>}
  - {column: gift, type: "struct<whom: text, paid: boolean>"}
`

// A dataset of the user's own has a table, a subject and a place in gold like each of the program's, from one call on.
func TestAnOwnDatasetIsOneOfAll(t *testing.T) {
	object := event.Object{Bucket: "lakehouse", Key: "bronze/shop/orders/ingest_date=2026-11-23/a.json", Version: "v"}
	if _, _, ok := tables.DatasetOf(object); ok || strings.Contains(tables.Subject(object), "shop") {
		t.Fatalf("an unknown dataset has the subject %s", tables.Subject(object))
	}
	if err := datasets.Use(fstest.MapFS{"shop/orders.yaml": {Data: []byte(own)}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = datasets.Use(fstest.MapFS{}) })
	if d, _, ok := tables.DatasetOf(object); !ok || d.Table != "shop_orders" || tables.Subject(object) != "lake.ev.bronze.shop.orders" {
		t.Errorf("%v, %v, %s", d, ok, tables.Subject(object))
	}
	inputs, err := tables.Inputs()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for file, sql := range map[string]string{
		"orders_by_day.sql": "-- model: gold.orders_by_day\n-- grain: day\n-- lookback: 0 days\nselect cast(observed_at as date) as day, count(*) as orders, sum(total::decimal(18, 2)) as total from silver.shop_orders group by all\n",
		"gifts.sql": "-- model: gold.gifts\n-- grain: whom, day\n-- lookback: 0 days\nselect gift.whom as whom, cast(observed_at as date) as day, count(*) filter (where express) as express, max(due) as due, max(len(tags))::bigint as tags " +
			"from silver.shop_orders where gift.whom is not null group by all\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := gold.Load(t.Context(), inputs, folder)
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Join(tables.All(set), " ")
	for _, name := range []string{"silver.shop_orders", "gold.orders_by_day", "gold.gifts"} {
		if !strings.Contains(found, name) {
			t.Errorf("%s is none of %s", name, found)
		}
	}
	if err := datasets.Use(fstest.MapFS{"shop/orders.yaml": {Data: []byte(own)}, "shop/more.yaml": {Data: []byte(strings.Replace(own, "shop/orders", "shop/more", 1))}}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("two datasets with one table: %v", err)
	}
}

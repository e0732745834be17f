package promote_test

import (
	"fmt"
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

// ownFolders are those of somebody who has sources of their own.
type ownFolders struct{}

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

// Two files cannot fill one table, nor take the place of one of the program's.
func TestDatasetsThatClashAreRefusedAtTheStart(t *testing.T) {
	var own ownFolders
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

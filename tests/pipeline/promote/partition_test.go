package promote_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// file is a line of `reactor files`.
type file struct {
	DividedBy string `json:"divided_by"`
	Partition string
	Rows      int
	File      string
}

// Tables that are divided by something else than a piece of time, the whole way: their files, a replay, rows of which one changes, and
// the proof.
func TestTablesAreDividedByWhatTheirFileSays(t *testing.T) {
	t.Parallel() // it waits more than it works
	own := newOwnFolders(t)
	partitions := map[string]string{"by_city": "identity(city)", "by_order": "bucket(4, order_id)", "whole": "none"}
	for name, partition := range partitions {
		text := strings.NewReplacer("shop/orders", "shop/"+name, "shop_orders", name, "key: [", "partition: "+partition+"\nkey: [").Replace(evolving)
		own.write(t, own.datasets, "shop/"+name+".yaml", text)
	}
	s := harness.Start(t, harness.WithoutReactor())
	s.StartReactor(t, own.env()...)
	run := func(args ...string) harness.Result {
		t.Helper()
		r := s.RunEnv(t, own.env(), "reactor", args...)
		if r.Code != 0 {
			t.Fatalf("reactor %v: %s", args, r)
		}
		return r
	}
	put := func(file, body string) {
		t.Helper()
		wait := []string{"wait"}
		for name := range partitions {
			key := fmt.Sprintf("bronze/shop/%s/ingest_date=2026-11-20/%s.json", name, file)
			s.Put(t, key, []byte(body), nil)
			wait = append(wait, "--key", key)
		}
		run(wait...)
	}
	// files are those of a table, by partition; a partition may have several files until upkeep merges them.
	files := func(name string) map[string][]string {
		t.Helper()
		all := map[string][]string{}
		var lines []file
		r := run("files", "silver."+name, "--output", "json")
		decode(t, r.Stdout, &lines)
		for _, f := range lines {
			if want := strings.Replace(partitions[name], "none", "", 1); f.DividedBy != partitions[name] && f.DividedBy != want {
				t.Errorf("silver.%s is divided by %q, want %q", name, f.DividedBy, partitions[name])
			}
			all[f.Partition] = append(all[f.Partition], f.File)
		}
		return all
	}
	rows := func(name string) string {
		t.Helper()
		return run("query", "select order_id, total, city from silver."+name+" order by order_id", "--output", "csv").Stdout
	}
	var orders []string
	for i := range 12 { // three months, in four cities; one has none
		city := []string{`"Ulm"`, `"Köln"`, `"São Paulo/2"`, `null`}[i%4]
		orders = append(orders, fmt.Sprintf(`{"id":"o-%02d","placed_at":"2026-%02d-10T10:00:00Z","total":"%d","city":%s,"note":"n"}`, i, 9+i%3, i, city))
	}
	put("a", `{"orders":[`+strings.Join(orders, ",")+`]}`)
	before := map[string]map[string][]string{}
	for name := range partitions {
		before[name] = files(name)
		n := 0
		for partition, of := range before[name] {
			if n++; len(of) != 1 {
				t.Errorf("silver.%s: the partition %q has %d files after one object", name, partition, len(of))
			}
		}
		if want := map[string][2]int{"by_city": {4, 4}, "by_order": {2, 4}, "whole": {1, 1}}[name]; n < want[0] || n > want[1] {
			t.Errorf("silver.%s has files in %d partitions, want %d to %d: %v", name, n, want[0], want[1], slices.Sorted(maps.Keys(before[name])))
		}
	}
	for _, name := range []string{"by_order", "whole"} {
		if a, b := rows(name), rows("by_city"); a != b || strings.Count(a, "\n") != 13 {
			t.Errorf("silver.%s has\n%s\nand silver.by_city\n%s", name, a, b)
		}
	}

	// A replay writes nothing.
	current := s.Pointers(t)
	run("replay", "--wait")
	for name := range partitions {
		if now := s.Pointers(t)["silver."+name]; now != current["silver."+name] {
			t.Errorf("a replay changed silver.%s", name)
		}
	}

	// One row changes its value: the file of its partition is written anew, and no other.
	put("b", `{"orders":[{"id":"o-01","placed_at":"2026-10-10T10:00:00Z","total":"99","city":"Köln","note":"n"}]}`)
	for name := range partitions {
		now, changed := files(name), 0
		for partition, of := range before[name] {
			if !slices.Equal(of, now[partition]) {
				changed++
			}
		}
		if changed != 1 || len(now) != len(before[name]) {
			t.Errorf("silver.%s: the files of %d partitions changed with one row, want 1: %v, then %v", name, changed, before[name], now)
		}
		if got := rows(name); !strings.Contains(got, "o-01,99,Köln") || strings.Count(got, "\n") != 13 {
			t.Errorf("silver.%s has\n%s", name, got)
		}
		before[name] = now
	}
	// One row goes to another city: by_city takes it out of the one partition and puts it into the other.
	put("c", `{"orders":[{"id":"o-02","placed_at":"2026-11-10T10:00:00Z","total":"98","city":"Ulm","note":"n"}]}`)
	for name := range partitions {
		if got := rows(name); !strings.Contains(got, "o-02,98,Ulm") || strings.Count(got, "\n") != 13 {
			t.Errorf("silver.%s has\n%s", name, got)
		}
	}
	s.CheckEqual(t, own.env()...)
	run("maintain")
	s.CheckEqual(t, own.env()...)
}

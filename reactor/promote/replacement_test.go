package promote

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

const prices = "silver.asset_prices"

// replace writes one live file of silver's prices anew, of those that a number picks, with what a query makes of its rows, which it calls rows.
func (w *workshop) replace(pick int, sql string) {
	w.Helper()
	if files := w.files(w.table(prices)); len(files) > 0 {
		pick %= len(files)
		w.rewrite(files[pick:pick+1], sql, lake.Change{})
	}
}

// merge makes one file of those of a month, as upkeep does.
func (w *workshop) merge(pick int) {
	w.Helper()
	files := w.files(w.table(prices))
	if len(files) == 0 {
		return
	}
	month, _ := files[pick%len(files)].Slot()
	files = slices.DeleteFunc(files, func(f lake.File) bool { slot, _ := f.Slot(); return slot != month })
	w.rewrite(files, "from rows", lake.Change{Rewrite: true, Summary: iceberg.Properties{"millrace.upkeep": "true"}})
}

func (w *workshop) rewrite(files []lake.File, sql string, c lake.Change) {
	w.Helper()
	t := w.table(prices)
	h, err := w.cache.Hold(w.Context(), w.conn, t, files)
	if err != nil {
		w.Fatal(err)
	}
	defer h.Release()
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		w.Fatal(err)
	}
	query := fmt.Sprintf("with rows as (%s) select %s from (%s)", h.Relation, duck.Identifiers("", lake.ColumnNames(t.Meta.CurrentSchema())), sql)
	c.Base, c.Remove, c.Schema, c.Rows = t, files, schema, rows.Select(w.Context(), w.conn, query, schema)
	w.commit(c)
}

func (w *workshop) files(t *lake.Table) []lake.File {
	w.Helper()
	files, err := w.lake.Files(w.Context(), t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		w.Fatal(err)
	}
	return files
}

// everything returns the rows of all of gold.
func (w *workshop) everything() (all []string) {
	w.Helper()
	for _, d := range w.gold.Tables() {
		for _, line := range w.rows(d.Name, strings.Join(lake.ColumnNames(w.table(d.Name).Meta.CurrentSchema()), ", "), "true") {
			all = append(all, d.Name+" "+line)
		}
	}
	return all
}

// anew has the next step compute all of gold.
func (w *workshop) anew() {
	w.Helper()
	for _, d := range w.gold.Tables() {
		w.commit(lake.Change{Base: w.table(d.Name), Properties: iceberg.Properties{digestProperty: heldDigest}})
	}
}

// exactDays compares all rows of two snapshots of silver's prices: the days that a step must not overlook.
func (w *workshop) exactDays(from *table.Snapshot) plan.Days {
	w.Helper()
	t := w.table(prices)
	relation := func(s *table.Snapshot) string {
		files, err := w.lake.Files(w.Context(), t, s, lake.AllMonths)
		if err != nil {
			w.Fatal(err)
		}
		return "(" + w.held(t, files) + ")"
	}
	days, err := w.gold.distinctDays(w.Context(), t, duck.DifferenceSQL(lake.ColumnNames(t.Meta.CurrentSchema()), relation(t.Snapshot()), relation(from)))
	if err != nil {
		w.Fatal(err)
	}
	return days
}

// held keeps rows until the test ends.
func (w *workshop) held(t *lake.Table, files []lake.File) string {
	w.Helper()
	h, err := w.cache.Hold(w.Context(), w.conn, t, files)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(h.Release)
	return h.Relation
}

// Days come, rows change, come back and go, in any order, and upkeep writes files anew between them while gold is behind. Each step finds all
// days that have changed, and gold is what it would be if it were computed anew.
func TestGoldFollowsSilverAcrossUpkeep(t *testing.T) {
	longest := 0
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, seed))
			w := openWorkshop(t)
			for range 6 {
				var done []string
				before := w.table(prices)
				for range 1 + random.IntN(9) {
					what := []string{"days", "days", "change", "drop", "same", "upkeep", "upkeep", "upkeep"}[random.IntN(8)]
					done = append(done, what)
					switch what {
					case "days":
						w.days(fmt.Sprintf("2026-%02d-%02d", 1+random.IntN(3), 1+random.IntN(28)), 1+random.IntN(12), []string{"a", "bb", "ccc", "dddd"}[random.IntN(4)])
					case "change":
						w.replace(random.IntN(9), fmt.Sprintf("select * replace (case when mod(source_row, 3) = %d then price_usd + 1 else price_usd end as price_usd) from rows", random.IntN(3)))
					case "drop":
						w.replace(random.IntN(9), fmt.Sprintf("from rows where mod(source_row, 4) <> %d", random.IntN(4)))
					case "same":
						w.replace(random.IntN(9), "from rows")
					case "upkeep":
						w.merge(random.IntN(9))
					}
				}
				now := w.table(prices)
				from, err := now.SnapshotByID(before.SnapshotID())
				if err != nil {
					t.Fatal(err)
				}
				pin := lake.Pin{SnapshotID: before.SnapshotID()}
				found, err := w.gold.changedDays(t.Context(), now, pin)
				if err != nil {
					t.Fatal(err)
				}
				exact := w.exactDays(from)
				if !found.Intersect(exact).Equal(exact) {
					t.Fatalf("%v: the step finds %s, and %s have changed", done, found, exact)
				}
				longest = max(longest, len(now.Stretches(from)))
				if len(now.Stretches(from)) == 1 && !found.Equal(exact) {
					t.Fatalf("%v: the step finds %s where only %s have changed", done, found, exact)
				}
				w.bring()
			}
			got := w.everything()
			w.anew()
			w.bring()
			w.same("gold step by step", got, w.everything())
		})
	}
	if longest < 2 {
		t.Errorf("there were at most %d stretches between two steps", longest)
	}
}

// A replacement that is too large to be compared counts as a change of all of its days.
func TestAReplacementTooLargeToCompareChangesAllItsDays(t *testing.T) {
	w := openWorkshop(t)
	w.prices(`select 'a' as asset_id, timestamptz '2026-03-01 00:00:00+00' + to_seconds(n) as observed_at, n as price_usd from range(200000) x(n)`)
	w.bring()
	before := w.table(prices)
	w.replace(0, "select * replace (price_usd + 1 as price_usd) from rows")
	now := w.table(prices)
	from, err := now.SnapshotByID(before.SnapshotID())
	if err != nil {
		t.Fatal(err)
	}
	added, removed, err := w.lake.Diff(t.Context(), now, from, now.Snapshot())
	if err != nil || len(added) == 0 || len(removed) == 0 {
		t.Fatalf("%d files came, %d went, %v", len(added), len(removed), err)
	}
	// A database without disk that has the rows, and a megabyte more.
	conn, done, err := duck.OpenConn(duck.Config{Threads: 1, Unlocked: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	g := &Gold{cfg: w.gold.cfg, set: w.gold.set, conn: conn, extents: map[string]extent{}}
	g.cfg.Cache = rows.New(w.lake)
	for _, files := range [][]lake.File{added, removed} {
		h, err := g.cfg.Cache.Hold(t.Context(), conn, now, files)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Release()
	}
	used, err := conn.Ints(t.Context(), "select sum(memory_usage_bytes)::bigint from duckdb_memory()")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(t.Context(), fmt.Sprintf("set temp_directory = ''; set memory_limit = '%dB'", used[0]+1<<20)); err != nil {
		t.Fatal(err)
	}
	found, err := g.changedDays(t.Context(), now, lake.Pin{SnapshotID: before.SnapshotID()})
	if err != nil {
		t.Fatal(err)
	}
	first, _ := plan.ParseDay("2026-03-01")
	if want := plan.Of(plan.Range{From: first, To: first + 2}); !found.Equal(want) {
		t.Errorf("the changed days are %s, want %s", found, want)
	}
}

package promote

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
	"millrace/reactor/tables"
	"millrace/tests/harness"
)

// workshop runs a lake and the promoter of gold in the test's process, over a real object store. Tests write silver's rows with
// SQL, as another engine would: gold depends on silver's snapshots alone.
type workshop struct {
	testing.TB
	lake   *lake.Lake
	db     *duck.DB
	conn   *duck.Conn
	cache  *rows.Cache
	folder string // of models
	gold   *Gold
}

// openWorkshop makes an empty lake. Each pair in models is a file's name and its text.
func openWorkshop(t testing.TB, models ...string) *workshop {
	t.Helper()
	s := harness.Start(t, harness.WithoutReactor())
	l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), "sqlite://"+t.TempDir()+"/catalog.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &workshop{TB: t, lake: l, folder: t.TempDir()}
	definitions, _ := tables.OfSilver()
	if err := l.Create(t.Context(), definitions...); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(models); i += 2 {
		w.model(models[i], models[i+1])
	}
	w.start()
	return w
}

// model writes a model's file, or removes it if the text is empty. The next start reads it.
func (w *workshop) model(file, text string) {
	w.Helper()
	path := filepath.Join(w.folder, file)
	if text == "" {
		if err := os.Remove(path); err != nil {
			w.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// start opens a new database and promoter, as a start of the reactor does.
func (w *workshop) start() {
	w.Helper()
	if w.gold != nil {
		w.gold.Close()
		w.conn.Close()
		w.db.Close()
	}
	inputs, err := tables.Inputs()
	if err != nil {
		w.Fatal(err)
	}
	set, err := gold.Load(w.Context(), inputs, w.folder)
	if err != nil {
		w.Fatal(err)
	}
	if w.db, err = duck.Open(duck.Config{Threads: 1, MemoryLimit: "256MiB", TempDir: w.TempDir()}); err != nil {
		w.Fatal(err)
	}
	if w.conn, err = w.db.Connect(); err != nil {
		w.Fatal(err)
	}
	w.cache = rows.New(w.lake)
	if w.gold, err = NewGold(Config{Lake: w.lake, DB: w.db, Cache: w.cache}, set); err != nil {
		w.Fatal(err)
	}
	if err := w.lake.Create(w.Context(), w.gold.Tables()...); err != nil {
		w.Fatal(err)
	}
}

// bring makes a step of gold and fails the test if it fails.
func (w *workshop) bring() {
	w.Helper()
	if err := w.gold.Bring(context.Background()); err != nil {
		w.Fatal(err)
	}
}

func (w *workshop) table(name string) *lake.Table {
	w.Helper()
	view, err := w.lake.View(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	t, err := view.Table(name)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

// prices appends a query's rows (asset_id, observed_at, price_usd) to silver.asset_prices.
func (w *workshop) prices(sql string) {
	w.Helper()
	t := w.table("silver.asset_prices")
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		w.Fatal(err)
	}
	if err := rows.CreateEmpty(w.Context(), w.conn, "written", schema); err != nil {
		w.Fatal(err)
	}
	w.exec(fmt.Sprintf(`insert into written by name select asset_id, 'd1' as interval, observed_at, price_usd::decimal(38, 28) as price_usd,
		'k' as source_key, 'v' as source_version, row_number() over () as source_row, observed_at as source_modified_at, observed_at::date as ingest_date from (%s)`, sql))
	c := lake.Change{Base: t, Schema: schema, Rows: rows.Select(w.Context(), w.conn, "from written order by "+lake.MonthSQL(gold.SilverTime)+", observed_at", schema)}
	if _, err := w.lake.Commit(w.Context(), []lake.Change{c}, nil); err != nil {
		w.Fatal(err)
	}
}

// days appends a price of each given asset for each of n days, from a first day on.
func (w *workshop) days(from string, n int, assets ...string) {
	w.Helper()
	w.prices(fmt.Sprintf(`select a as asset_id, timestamptz '%s 00:00:00+00' + to_days(d::int) as observed_at, 1 + d + length(a) as price_usd
		from range(%d) x(d), (select unnest(['%s']) as a)`, from, n, strings.Join(assets, "', '")))
}

// commit changes a table as another engine would.
func (w *workshop) commit(c lake.Change) {
	w.Helper()
	if _, err := w.lake.Commit(w.Context(), []lake.Change{c}, nil); err != nil {
		w.Fatal(err)
	}
}

func (w *workshop) exec(sql string) {
	w.Helper()
	if err := w.conn.Exec(w.Context(), sql); err != nil {
		w.Fatalf("%s\n%v", sql, err)
	}
}

// rows returns a table's rows as text, with the given columns only.
func (w *workshop) rows(name, columns, where string) []string {
	w.Helper()
	t := w.table(name)
	files, err := w.lake.Files(w.Context(), t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		w.Fatal(err)
	}
	h, err := w.cache.Hold(w.Context(), w.conn, t, files)
	if err != nil {
		w.Fatal(err)
	}
	defer h.Release()
	r, err := w.conn.Query(w.Context(), fmt.Sprintf("select concat_ws(' ', %s) as line from (%s) where %s order by all", columns, h.Relation, where))
	if err != nil {
		w.Fatal(err)
	}
	defer r.Close()
	var lines []string
	for b, err := range r.All() {
		if err != nil {
			w.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			lines = append(lines, strings.Clone(b.Column(0).(*array.String).Value(i)))
		}
	}
	return lines
}

// same fails the test when two readings of a table differ.
func (w *workshop) same(what string, got, want []string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

package lake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

var schema = iceberg.NewSchema(0,
	iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.String, Required: true},
	iceberg.NestedField{ID: 2, Name: "at", Type: iceberg.PrimitiveTypes.TimestampTz, Required: true},
	iceberg.NestedField{ID: 3, Name: "n", Type: iceberg.PrimitiveTypes.Int64},
)

var byMonth = iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{2}, FieldID: 1000, Name: "at_month", Transform: iceberg.MonthTransform{}})

// row is id, month since 1970 and a number.
type row struct {
	id    string
	month int
	n     int64
}

func (r row) at() time.Time { return time.Date(1970, time.Month(r.month+1), 5, 0, 0, 0, 0, time.UTC) }

// open opens a lake with a new catalog in SQLite.
func open(t testing.TB, s *harness.Stack) *lake.Lake {
	t.Helper()
	return openAt(t, s, "sqlite://"+t.TempDir()+"/catalog.db")
}

// openAt opens a lake with the catalog at address, and makes two tables in it.
func openAt(t testing.TB, s *harness.Stack, address string) *lake.Lake {
	t.Helper()
	l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	// Each test has tables of its own in the shared bucket: their places differ by the namespace.
	err = l.Create(t.Context(), lake.Definition{Name: name(t, "a"), Schema: schema, Spec: byMonth}, lake.Definition{Name: name(t, "b"), Schema: schema, Spec: byMonth})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func name(t testing.TB, table string) string { return t.Name() + "." + table }

func view(t testing.TB, l *lake.Lake) *lake.View {
	t.Helper()
	v, err := l.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func arrowSchema(t testing.TB, s *iceberg.Schema) *arrow.Schema {
	t.Helper()
	a, err := table.SchemaToArrowSchema(s, nil, true, false)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func batches(t testing.TB, rows ...row) (*arrow.Schema, iter.Seq2[arrow.RecordBatch, error]) {
	t.Helper()
	s := arrowSchema(t, schema)
	slices.SortFunc(rows, func(a, b row) int { return a.month - b.month })
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.StringBuilder).Append(r.id)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(r.at().UnixMicro()))
		b.Field(2).(*array.Int64Builder).Append(r.n)
	}
	batch := b.NewRecordBatch()
	return s, func(yield func(arrow.RecordBatch, error) bool) { yield(batch, nil) }
}

func change(t testing.TB, base *lake.Table, remove []lake.File, rows ...row) lake.Change {
	t.Helper()
	c := lake.Change{Base: base, Remove: remove}
	if len(rows) > 0 {
		c.Schema, c.Rows = batches(t, rows...)
	}
	return c
}

func files(t *testing.T, l *lake.Lake, tab *lake.Table, months lake.Months) []lake.File {
	t.Helper()
	fs, err := l.Files(t.Context(), tab, tab.Snapshot(), months)
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// content is all that a table holds, sorted.
func content(t *testing.T, l *lake.Lake, tab *lake.Table) []string {
	t.Helper()
	fs := files(t, l, tab, lake.AllMonths)
	if len(fs) == 0 {
		return nil
	}
	_, bs, err := l.Read(t.Context(), tab, fs...)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for b, err := range bs {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			all = append(all, fmt.Sprintf("%s %s %s", b.Column(0).ValueStr(i), b.Column(1).ValueStr(i)[:7], b.Column(2).ValueStr(i)))
		}
		b.Release()
	}
	slices.Sort(all)
	return all
}

func wants(t *testing.T, l *lake.Lake, tab *lake.Table, rows ...row) {
	t.Helper()
	var want []string
	for _, r := range rows {
		want = append(want, fmt.Sprintf("%s %s %d", r.id, r.at().Format("2006-01"), r.n))
	}
	slices.Sort(want)
	if got := content(t, l, tab); !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", tab.Name, got, want)
	}
}

func TestLake(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	tests := map[string]func(*testing.T, *lake.Lake){
		"CommitsSeveralTablesAndTheLedgerAtOnce": commitsAtOnce,
		"SnapshotsOfACommitHaveOneTime":          oneTime,
		"ConflictChangesNothing":                 conflictChangesNothing,
		"FailedRowsChangeNothing":                failedRowsChangeNothing,
		"ReplacesFiles":                          replacesFiles,
		"PlansByMonthAndBounds":                  plansByMonth,
		"DiffIsWhatChanged":                      diffIsWhatChanged,
		"EvolvesTheSchemaWithTheRows":            evolves,
		"ReadsOldSnapshotsInTodaysColumns":       readsOldSnapshots,
		"CountsTheRowsThatAreLeft":               countsWhatIsLeft,
		"DeletesThatNoFileNeedsGo":               danglingDeletesGo,
		"EventsThatChangeNothingAreFenced":       eventsThatChangeNothing,
		"OldSnapshotsExpire":                     oldSnapshotsExpire,
		"PinsAreASequence":                       pins,
		"LeavesNothingInMemory":                  leavesNothingInMemory,
		"TagsStayAndRollbacksGoBack":             tagsAndRollback,
	}
	for database, empty := range lake.Databases {
		for name, test := range tests {
			t.Run(database+"/"+name, func(t *testing.T) { test(t, openAt(t, s, empty(t))) })
		}
		t.Run(database+"/AnotherProcessSeesTheCommit", func(t *testing.T) { anotherProcess(t, s, empty(t)) })
	}
}

func commitsAtOnce(t *testing.T, l *lake.Lake) {
	v := view(t, l)
	entry := lake.Entry{EventID: "e1", Table: "a", SourceKey: "k", SourceVersion: "v", ModifiedAt: time.UnixMilli(5).UTC(), Outcome: lake.OutcomeDone, Run: "r", At: time.UnixMicro(7).UTC()}
	next, err := l.Commit(t.Context(), []lake.Change{
		change(t, v.Tables[name(t, "a")], nil, row{"x", 600, 1}, row{"y", 601, 2}),
		change(t, v.Tables[name(t, "b")], nil, row{"z", 600, 3}),
	}, func(tx *lake.Tx, next []*lake.Table) error {
		entry.SnapshotID, entry.Sequence = next[0].SnapshotID(), next[0].Sequence()
		return tx.Record(t.Context(), entry)
	})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, l, next[0], row{"x", 600, 1}, row{"y", 601, 2})
	v = view(t, l)
	wants(t, l, v.Tables[name(t, "a")], row{"x", 600, 1}, row{"y", 601, 2})
	wants(t, l, v.Tables[name(t, "b")], row{"z", 600, 3})
	got, ok, err := l.Entry(t.Context(), "e1")
	if err != nil || !ok || got != entry {
		t.Errorf("the ledger says %+v, %v, %v; want %+v", got, ok, err, entry)
	}
	// The live event of the same object, and another replay of it, take nothing from the first replay's count.
	live, other := entry, entry
	live.Run, other.Run = "", "r2"
	if err := l.Record(t.Context(), live, other); err != nil {
		t.Fatal(err)
	}
	for run, want := range map[string]int{"r": 1, "r2": 1, "r3": 0} {
		if n, err := l.CountRun(t.Context(), run); err != nil || n != want {
			t.Errorf("run %s has %d events, %v; want %d", run, n, err, want)
		}
	}
	if err := l.ForgetRuns(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for run, want := range map[string]int{"r": 0, "r2": 1} {
		if n, err := l.CountRun(t.Context(), run); err != nil || n != want {
			t.Errorf("run %s has %d events, %v, when all but the last run are forgotten; want %d", run, n, err, want)
		}
	}
}

func conflictChangesNothing(t *testing.T, l *lake.Lake) {
	old := view(t, l)
	a, b := old.Tables[name(t, "a")], old.Tables[name(t, "b")]
	if _, err := l.Commit(t.Context(), []lake.Change{change(t, b, nil, row{"first", 600, 1})}, nil); err != nil {
		t.Fatal(err)
	}
	recorded := false
	_, err := l.Commit(t.Context(), []lake.Change{change(t, a, nil, row{"x", 600, 1}), change(t, b, nil, row{"second", 600, 2})},
		func(tx *lake.Tx, _ []*lake.Table) error {
			recorded = true
			return tx.Record(t.Context(), lake.Entry{EventID: "e1"})
		})
	if !errors.Is(err, lake.ErrConflict) || recorded {
		t.Fatalf("error %v, recorded %v; want a conflict before anything is recorded", err, recorded)
	}
	v := view(t, l)
	wants(t, l, v.Tables[name(t, "a")])
	wants(t, l, v.Tables[name(t, "b")], row{"first", 600, 1})
	if _, ok, err := l.Entry(t.Context(), "e1"); ok || err != nil {
		t.Errorf("the ledger knows the event: %v, %v", ok, err)
	}
}

func failedRowsChangeNothing(t *testing.T, l *lake.Lake) {
	v := view(t, l)
	broken := errors.New("the rows broke off")
	c := change(t, v.Tables[name(t, "a")], nil, row{"x", 600, 1})
	good := c.Rows
	c.Rows = func(yield func(arrow.RecordBatch, error) bool) {
		for b, err := range good {
			if !yield(b, err) {
				return
			}
		}
		yield(nil, broken)
	}
	if _, err := l.Commit(t.Context(), []lake.Change{c}, nil); !errors.Is(err, broken) {
		t.Fatalf("error %v, want %v", err, broken)
	}
	wants(t, l, view(t, l).Tables[name(t, "a")])
}

func replacesFiles(t *testing.T, l *lake.Lake) {
	a := view(t, l).Tables[name(t, "a")]
	for _, rows := range [][]row{{{"x", 600, 1}, {"y", 601, 1}}, {{"z", 600, 1}}} {
		next, err := l.Commit(t.Context(), []lake.Change{change(t, a, nil, rows...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a = next[0]
	}
	old := files(t, l, a, lake.Months{Lo: 600, Hi: 600})
	if len(old) != 2 {
		t.Fatalf("month 600 has %d files, want 2", len(old))
	}
	next, err := l.Commit(t.Context(), []lake.Change{change(t, a, old, row{"x", 600, 2}, row{"z", 600, 1})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, l, next[0], row{"x", 600, 2}, row{"y", 601, 1}, row{"z", 600, 1})
	next, err = l.Commit(t.Context(), []lake.Change{change(t, next[0], files(t, l, next[0], lake.AllMonths))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, l, next[0])
}

func plansByMonth(t *testing.T, l *lake.Lake) {
	a := view(t, l).Tables[name(t, "a")]
	for month := 600; month < 606; month++ {
		next, err := l.Commit(t.Context(), []lake.Change{change(t, a, nil, row{fmt.Sprint("id", month), month, int64(month)})}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a = next[0]
	}
	some := files(t, l, a, lake.Months{Lo: 602, Hi: 603})
	if len(some) != 2 {
		t.Fatalf("two months have %d files", len(some))
	}
	id, _ := a.Column("id")
	at, _ := a.Column("at")
	var ids []string
	for _, f := range some {
		lo, hi, ok := f.Strings(id)
		from, to, okTime := f.Ints(at)
		if !ok || !okTime || lo != hi || from != to || f.Rows() != 1 {
			t.Errorf("bounds of %s are %q..%q, %d..%d", f.Path(), lo, hi, from, to)
		}
		ids = append(ids, lo)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"id602", "id603"}) {
		t.Errorf("months 602 and 603 hold %v", ids)
	}
}

func diffIsWhatChanged(t *testing.T, l *lake.Lake) {
	a := view(t, l).Tables[name(t, "a")]
	commit := func(remove []lake.File, rows ...row) {
		next, err := l.Commit(t.Context(), []lake.Change{change(t, a, remove, rows...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a = next[0]
	}
	commit(nil, row{"x", 600, 1})
	commit(nil, row{"y", 601, 1})
	before := a.Snapshot()
	commit(nil, row{"z", 602, 1})
	commit(files(t, l, a, lake.Months{Lo: 600, Hi: 600}), row{"x", 600, 2})
	added, removed, err := l.Diff(t.Context(), a, before, a.Snapshot())
	if err != nil || len(added) != 2 || len(removed) != 1 {
		t.Fatalf("%d files came, %d went, %v; want 2, 1", len(added), len(removed), err)
	}
	added, removed, err = l.Diff(t.Context(), a, nil, a.Snapshot())
	if err != nil || len(added) != 3 || len(removed) != 0 {
		t.Errorf("from nothing: %d files came, %d went, %v; want 3, 0", len(added), len(removed), err)
	}
	added, removed, err = l.Diff(t.Context(), a, a.Snapshot(), a.Snapshot())
	if err != nil || len(added)+len(removed) != 0 {
		t.Errorf("to itself: %d files came, %d went, %v; want none", len(added), len(removed), err)
	}
}

func evolves(t *testing.T, l *lake.Lake) {
	a := view(t, l).Tables[name(t, "a")]
	next, err := l.Commit(t.Context(), []lake.Change{change(t, a, nil, row{"x", 600, 1})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wider := iceberg.NewSchema(1, append(schema.Fields(), iceberg.NestedField{ID: 4, Name: "more", Type: iceberg.PrimitiveTypes.Float64})...)
	s := arrowSchema(t, wider)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append("x")
	b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(row{"x", 600, 1}.at().UnixMicro()))
	b.Field(2).(*array.Int64Builder).Append(1)
	b.Field(3).(*array.Float64Builder).Append(1.5)
	batch := b.NewRecordBatch()
	next, err = l.Commit(t.Context(), []lake.Change{{
		Base: next[0], Remove: files(t, l, next[0], lake.AllMonths), Evolve: wider, Schema: s,
		Rows:       func(yield func(arrow.RecordBatch, error) bool) { yield(batch, nil) },
		Properties: iceberg.Properties{"millrace.model": "2"},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tab := next[0]
	if got := tab.Meta.Properties()["millrace.model"]; got != "2" {
		t.Errorf("the property is %q", got)
	}
	_, bs, err := l.Read(t.Context(), tab, files(t, l, tab, lake.AllMonths)...)
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range bs {
		if err != nil {
			t.Fatal(err)
		}
		if b.NumCols() != 4 || b.NumRows() != 1 || b.Column(3).ValueStr(0) != "1.5" {
			t.Errorf("the wider table holds %v", b)
		}
	}
}

func oldSnapshotsExpire(t *testing.T, l *lake.Lake) {
	a := view(t, l).Tables[name(t, "a")]
	const commits = 120
	most, pinned := 0, int64(0)
	for i := range commits {
		c := change(t, a, nil, row{fmt.Sprint(i), 600, int64(i)})
		if i > 40 {
			c.Keep = pinned
		}
		next, err := l.Commit(t.Context(), []lake.Change{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a = next[0]
		if i == 40 {
			pinned = a.SnapshotID()
		}
		if i < 40 {
			most = max(most, len(a.Meta.Snapshots()))
		}
	}
	if most > 41 {
		t.Errorf("there were %d snapshots at a time when nothing was to be kept", most)
	}
	if _, err := a.SnapshotByID(pinned); err != nil {
		t.Errorf("the snapshot to be kept is gone: %v", err)
	}
	if n := len(a.Meta.Snapshots()); n > commits-40+10 {
		t.Errorf("%d snapshots are left, more than were made since the one to be kept", n)
	}
	if n := len(content(t, l, a)); n != commits {
		t.Errorf("the table holds %d rows, want %d: expiry takes history, not rows", n, commits)
	}
	// Whoever has a slow engine asks for more, as for any table of Iceberg's.
	b := view(t, l).Tables[name(t, "b")]
	const asked = 60
	for i := range asked + 20 {
		c := change(t, b, nil, row{fmt.Sprint(i), 600, int64(i)})
		if i == 0 {
			c.Properties = iceberg.Properties{"history.expire.min-snapshots-to-keep": fmt.Sprint(asked)}
		}
		next, err := l.Commit(t.Context(), []lake.Change{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b = next[0]
	}
	if n := len(b.Meta.Snapshots()); n < asked || n > asked+10 {
		t.Errorf("%d snapshots are left, and a property asks for %d", n, asked)
	}
}

func pins(t *testing.T, l *lake.Lake) {
	pin := func(step, sequence int64) error {
		_, err := l.Commit(t.Context(), nil, func(tx *lake.Tx, _ []*lake.Table) error {
			return tx.Pin(t.Context(), lake.Pins{Step: step, Tables: map[string]lake.Pin{"silver.x": {SnapshotID: 9, Sequence: sequence}}}, time.UnixMicro(step))
		})
		return err
	}
	if v := view(t, l); v.Pins.Step != 0 {
		t.Errorf("a lake without gold is at step %d", v.Pins.Step)
	}
	if err := errors.Join(pin(1, 4), pin(2, 6)); err != nil {
		t.Fatal(err)
	}
	if err := pin(2, 7); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a second step 2: %v, want a conflict", err)
	}
	if v := view(t, l); v.Pins.Step != 2 || !maps.Equal(v.Pins.Tables, map[string]lake.Pin{"silver.x": {SnapshotID: 9, Sequence: 6}}) {
		t.Errorf("pins are %+v", v.Pins)
	}
	for sequence, want := range map[int64]int64{3: 1, 4: 1, 5: 2, 6: 2, 7: 0} {
		at, ok, err := l.Reached(t.Context(), "silver.x", sequence)
		if err != nil || ok != (want > 0) || (ok && at.UnixMicro() != want) {
			t.Errorf("sequence %d was reached at %v, %v, %v; want step %d", sequence, at, ok, err, want)
		}
	}
}

func anotherProcess(t *testing.T, s *harness.Stack, address string) {
	// A second lake on the same catalog has nothing in memory: it reads what the first one wrote.
	first, err := lake.Open(t.Context(), s.Client(), s.Bucket(), address)
	if err != nil {
		t.Fatal(err)
	}
	second, err := lake.Open(t.Context(), s.Client(), s.Bucket(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = first.Close(), second.Close() })
	ctx := context.Background()
	if err := first.Create(ctx, lake.Definition{Name: name(t, "shared"), Schema: schema, Spec: byMonth}); err != nil {
		t.Fatal(err)
	}
	stale := view(t, second).Tables[name(t, "shared")]
	if _, err := first.Commit(ctx, []lake.Change{change(t, stale, nil, row{"x", 600, 1})}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Commit(ctx, []lake.Change{change(t, stale, nil, row{"y", 600, 1})}, nil); !errors.Is(err, lake.ErrConflict) {
		t.Errorf("a commit on a stale table: %v, want a conflict", err)
	}
	wants(t, second, view(t, second).Tables[name(t, "shared")], row{"x", 600, 1})
}

package duck

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func open(t testing.TB, cfg Config) *Conn {
	t.Helper()
	c, done, err := OpenConn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return c
}

func exec(t testing.TB, c *Conn, sql string) {
	t.Helper()
	if err := c.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// text returns a query's rows as DuckDB's own text, one row a line.
func text(t testing.TB, c *Conn, sql string) string {
	t.Helper()
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var out strings.Builder
	for b, err := range rows.All() {
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		for r := range int(b.NumRows()) {
			for i := range int(b.NumCols()) {
				if i > 0 {
					out.WriteByte('|')
				}
				out.WriteString(b.Column(i).ValueStr(r))
			}
			out.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}

var lakeTypes = arrow.NewSchema([]arrow.Field{
	{Name: "price", Type: &arrow.Decimal128Type{Precision: 38, Scale: 28}, Nullable: true},
	{Name: "cap", Type: &arrow.Decimal128Type{Precision: 38, Scale: 18}, Nullable: true},
	{Name: "observed_at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "tokens", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.BinaryTypes.String)), Nullable: true},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "rank", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "flag", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
}, nil)

const lakeTable = `(price decimal(38,28), cap decimal(38,18), observed_at timestamptz, day date, tokens map(varchar, varchar[]),
	n bigint, f double, rank int, name varchar, flag boolean)`

// lakeRows makes n rows with every type that the lake has. Every 7th row is all null; every 5th map has a null list.
func lakeRows(mem memory.Allocator, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, lakeTypes)
	defer b.Release()
	huge, _ := decimal128.FromString("9999999999.9999999999999999999999999999", 38, 28)
	for i := range n {
		if i%7 == 3 {
			for _, f := range b.Fields() {
				f.AppendNull()
			}
			continue
		}
		sign := decimal128.FromI64(int64(1 - 2*(i%2)))
		b.Field(0).(*array.Decimal128Builder).Append(huge.Mul(sign).Sub(decimal128.FromI64(int64(i)).Mul(sign)))
		b.Field(1).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i) - 1))
		b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_123_456 + int64(i)*1_000_003))
		b.Field(3).(*array.Date32Builder).Append(arrow.Date32(19_000 + i))
		m := b.Field(4).(*array.MapBuilder)
		m.Append(true)
		for k := range i % 3 {
			m.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprintf("chain-%d", k))
			l := m.ItemBuilder().(*array.ListBuilder)
			if i%5 == 0 {
				l.AppendNull()
				continue
			}
			l.Append(true)
			l.ValueBuilder().(*array.StringBuilder).AppendValues([]string{"0xabc", strings.Repeat("long ", i%9)}, []bool{true, i%4 != 0})
		}
		b.Field(5).(*array.Int64Builder).Append(int64(i) << 40)
		b.Field(6).(*array.Float64Builder).Append(1 / (float64(i) + 0.1))
		b.Field(7).(*array.Int32Builder).Append(int32(-i))
		b.Field(8).(*array.StringBuilder).Append(fmt.Sprintf("asset %d with a name that is not inlined €", i))
		b.Field(9).(*array.BooleanBuilder).Append(i%3 == 0)
	}
	return b.NewRecordBatch()
}

// sameRows compares the rows that came out of DuckDB with those that went in, value by value. Only the zone's spelling may differ.
func sameRows(t testing.TB, rows *Rows, want arrow.RecordBatch) {
	t.Helper()
	defer rows.Close()
	at := 0
	for b, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		if int64(at)+b.NumRows() > want.NumRows() {
			t.Fatalf("more than the %d rows that went in", want.NumRows())
		}
		for i := range int(b.NumCols()) {
			for r := range int(b.NumRows()) {
				got, sent := b.Column(i), want.Column(i)
				if got.IsNull(r) != sent.IsNull(at+r) || got.ValueStr(r) != sent.ValueStr(at+r) {
					t.Fatalf("row %d column %s: %s, want %s", at+r, want.ColumnName(i), got.ValueStr(r), sent.ValueStr(at+r))
				}
			}
		}
		at += int(b.NumRows())
	}
	if int64(at) != want.NumRows() {
		t.Fatalf("%d rows, want %d", at, want.NumRows())
	}
}

func TestEveryTypeOfTheLakeGoesInAndOutExactly(t *testing.T) {
	for _, n := range []int{0, 1, 7, 2048, 2049, 10_000} {
		for _, offset := range []int{0, 1, 5} {
			t.Run(fmt.Sprintf("%d rows from %d", n, offset), func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
				defer mem.AssertSize(t, 0)
				all := lakeRows(mem, n+offset)
				defer all.Release()
				want := all.NewSlice(int64(offset), int64(offset+n))
				defer want.Release()

				c := open(t, Config{})
				exec(t, c, "create schema silver; create table silver.inserted "+lakeTable)
				if err := c.Insert(t.Context(), "silver.inserted", lakeTypes, want); err != nil {
					t.Fatal(err)
				}
				rows, err := c.Query(t.Context(), "from silver.inserted")
				if err != nil {
					t.Fatal(err)
				}
				sameRows(t, rows, want)

				rr, err := array.NewRecordReader(lakeTypes, []arrow.RecordBatch{want})
				if err != nil {
					t.Fatal(err)
				}
				defer rr.Release()
				release, err := c.Register("viewed", rr)
				if err != nil {
					t.Fatal(err)
				}
				defer release()
				rows, err = c.Query(t.Context(), "from viewed")
				if err != nil {
					t.Fatal(err)
				}
				sameRows(t, rows, want)
			})
		}
	}
}

func TestBatchesOfAnySizeGoInOneAfterTheOther(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	sizes := []int64{1, 20, 0, 20, 20, 3000, 0, 2047, 1, 1, 2048, 5, 700, 700, 700, 700, 0}
	total := int64(0)
	for _, n := range sizes {
		total += n
	}
	want := lakeRows(mem, int(total))
	defer want.Release()
	var batches []arrow.RecordBatch
	at := int64(0)
	for _, n := range sizes {
		b := want.NewSlice(at, at+n)
		defer b.Release()
		batches, at = append(batches, b), at+n
	}
	c := open(t, Config{})
	exec(t, c, "create table t "+lakeTable)
	if err := c.Insert(t.Context(), "t", lakeTypes, batches...); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(t.Context(), "from t")
	if err != nil {
		t.Fatal(err)
	}
	sameRows(t, rows, want)
}

func TestInsertIsByNameAndAllOrNothing(t *testing.T) {
	c := open(t, Config{})
	exec(t, c, "create table t (a int default 7, b varchar not null, c bigint)")
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "c", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "b", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	batch := func(bs ...string) arrow.RecordBatch {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i, s := range bs {
			b.Field(0).(*array.Int64Builder).Append(int64(i))
			if s == "" {
				b.Field(1).AppendNull()
			} else {
				b.Field(1).(*array.StringBuilder).Append(s)
			}
		}
		return b.NewRecordBatch()
	}
	if err := c.Insert(t.Context(), "t", schema, batch("x", "y"), batch("z")); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, c, "from t"), "7|x|0\n7|y|1\n7|z|0"; got != want {
		t.Errorf("rows\n%s\nwant\n%s", got, want)
	}
	err := c.Insert(t.Context(), "t", schema, batch("fine"), batch("also fine", ""))
	if err == nil || !strings.Contains(err.Error(), "NOT NULL constraint") {
		t.Errorf("a null in a not null column: %v", err)
	}
	if got := text(t, c, "select count(*) from t"); got != "3" {
		t.Errorf("%s rows after an insert that failed, want 3", got)
	}

	undone := errors.New("undone")
	if err := c.Together(t.Context(), func() error {
		return errors.Join(undone, c.Insert(t.Context(), "t", schema, batch("undone")))
	}); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if got := text(t, c, "select count(*) from t"); got != "3" {
		t.Errorf("%s rows after a rollback, want 3", got)
	}

	other := arrow.NewSchema([]arrow.Field{{Name: "nope", Type: arrow.PrimitiveTypes.Int64}}, nil)
	for _, bad := range []struct {
		table  string
		schema *arrow.Schema
		want   string
	}{
		{"t", other, "nope"},
		{"absent", schema, "absent"},
		{"t", arrow.NewSchema(schema.Fields()[:1], nil), "a batch has 2 columns, the schema 1"},
		{"t", arrow.NewSchema([]arrow.Field{schema.Field(0), {Name: "b", Type: arrow.PrimitiveTypes.Int32}}, nil), "column b of a batch is utf8, the schema says int32"},
	} {
		var batches []arrow.RecordBatch
		if bad.schema != other {
			batches = append(batches, batch("x"))
		}
		err := c.Insert(t.Context(), bad.table, bad.schema, batches...)
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("insert into %s: %v, want %q", bad.table, err, bad.want)
		}
	}
}

func TestErrorsAreDuckDBsOwn(t *testing.T) {
	c := open(t, Config{Threads: 1}) // of two threads, DuckDB may report the one that did not fail: interrupted
	for sql, want := range map[string]string{
		"selec 1":                   "syntax error",
		"select nope":               `Referenced column "nope" was not found`,
		"from absent":               "Table with name absent does not exist",
		"select 1 \x00 , 2":         "NUL character",
		"select 1; select 'x'::int": "Could not convert string 'x' to INT32",
		"select case when i = 150000 then error('row 150000') else i end from range(200000) t(i)": "row 150000",
		"select sum(9999999999::decimal(38,28)) from range(9)":                                    "Overflow",
	} {
		err := c.Exec(t.Context(), sql)
		var mine *Error
		if !errors.As(err, &mine) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", sql, err, want)
		}
	}
	if _, err := c.Query(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "there is no statement") {
		t.Errorf("no statement: %v", err)
	}
	if got := text(t, c, "select 42"); got != "42" {
		t.Errorf("the connection after errors: %s", got)
	}
}

// In 3 to 13 rounds of 1,000, DuckDB says "interrupted" in place of the reason, which another thread met.
func TestAFailureInTheMiddleOfAResultSurfaces(t *testing.T) {
	c := open(t, Config{Threads: 3})
	for range 1_000 {
		rows, err := c.Query(t.Context(), "select if(i = 200000, error('too far'), i) from range(300000) t(i)")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n += int(rows.RecordBatch().NumRows())
		}
		if rows.Err() == nil || !strings.Contains(rows.Err().Error(), "too far") || n == 0 || n > 200_000 {
			t.Errorf("%d rows, then %v", n, rows.Err())
		}
		rows.Close()
		exec(t, c, "select 42") // the failed transaction is over
	}
}

func TestOneStatementAtATime(t *testing.T) {
	c := open(t, Config{})
	rows, err := c.Query(t.Context(), "from range(10000)")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec(t.Context(), "select 1"); !errors.Is(err, ErrBusy) {
		t.Errorf("exec while rows are open: %v", err)
	}
	if err := c.Insert(t.Context(), "t", lakeTypes); !errors.Is(err, ErrBusy) {
		t.Errorf("insert while rows are open: %v", err)
	}
	rows.Close()
	exec(t, c, "select 1")
}

func TestCancellingInterrupts(t *testing.T) {
	const endless = "select sum(a.i * b.i) from range(10000000) a(i), range(10000000) b(i)"
	c := open(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := c.Exec(ctx, endless)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if err := c.Exec(ctx, "select 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a statement under an ended context: %v", err)
	}

	streaming, stop := context.WithCancel(t.Context())
	rows, err := c.Query(streaming, "select i from range(1000000000) t(i)")
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	stop()
	for rows.Next() {
	}
	if !errors.Is(rows.Err(), context.Canceled) {
		t.Errorf("rows after the cancel: %v", rows.Err())
	}
	rows.Close()
	for range 50 { // a late interrupt must not hit a statement that nobody cancelled
		exec(t, c, "select sum(i) from range(100000) t(i)")
	}
}

type failing struct {
	array.RecordReader
	left int
}

func (f *failing) Next() bool { f.left--; return f.left >= 0 && f.RecordReader.Next() }
func (f *failing) Err() error {
	if f.left < 0 {
		return errors.New("the object vanished")
	}
	return nil
}

func TestAFailingReaderFailsTheStatement(t *testing.T) {
	c := open(t, Config{})
	b := lakeRows(memory.DefaultAllocator, 10)
	rr, err := array.NewRecordReader(lakeTypes, []arrow.RecordBatch{b, b, b})
	if err != nil {
		t.Fatal(err)
	}
	release, err := c.Register("v", &failing{rr, 2})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := c.Exec(t.Context(), "create table t as from v"); err == nil || !strings.Contains(err.Error(), "the object vanished") {
		t.Errorf("a reader that fails: %v", err)
	}
	if err := c.Exec(t.Context(), "from t"); err == nil {
		t.Error("the table exists, with the rows before the failure")
	}
}

func TestAViewIsReadOnce(t *testing.T) {
	c := open(t, Config{})
	b := lakeRows(memory.DefaultAllocator, 10)
	rr, err := array.NewRecordReader(lakeTypes, []arrow.RecordBatch{b})
	if err != nil {
		t.Fatal(err)
	}
	release, err := c.Register("v", rr)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, c, "create table t as from v")
	if err := c.Exec(t.Context(), "from v"); err == nil || !strings.Contains(err.Error(), "was read twice") {
		t.Errorf("a second read: %v", err)
	}
	release()
	if err := c.Exec(t.Context(), "from v"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a read after the release: %v", err)
	}
	if _, err := c.Register(`a"b`, rr); err == nil {
		t.Error("a name with a quote was taken")
	}
}

func TestDescribe(t *testing.T) {
	c := open(t, Config{})
	exec(t, c, "create table t "+lakeTable)
	got, err := c.Describe(t.Context(), "select price, sum(n) over () as s, tokens from t")
	if err != nil {
		t.Fatal(err)
	}
	want := []Column{{"price", "DECIMAL(38,28)"}, {"s", "HUGEINT"}, {"tokens", "MAP(VARCHAR, VARCHAR[])"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, bad := range []string{"select 1; drop table t", "from absent", ""} {
		if _, err := c.Describe(t.Context(), bad); err == nil {
			t.Errorf("described %q", bad)
		}
	}
}

func TestParse(t *testing.T) {
	c := open(t, Config{})
	tree, err := c.Parse(t.Context(), "select a, 'it''s' from silver.t where b > 1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(tree), `"table_name":"t"`) {
		t.Errorf("no table in %s", tree)
	}
	for _, bad := range []string{"drop table t", "select from", "select 1; select 2"} {
		if _, err := c.Parse(t.Context(), bad); err == nil {
			t.Errorf("parsed %q", bad)
		}
	}
}

func TestTimesAreUTCWhateverTheMachinesZone(t *testing.T) {
	t.Setenv("TZ", "Pacific/Auckland")
	c := open(t, Config{})
	if got := text(t, c, "select cast('2024-01-01 23:30:00+00'::timestamptz as date)::varchar, current_setting('TimeZone')"); got != "2024-01-01|UTC" {
		t.Errorf("day in UTC: %s", got)
	}
}

func TestConfigIsRefusedWithTheOptionsName(t *testing.T) {
	for _, cfg := range []Config{{MemoryLimit: "much"}, {TempDirLimit: "more"}} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), "duckdb") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if _, err := Open(Config{Path: filepath.Join(t.TempDir(), "no", "such", "dir.db")}); err == nil || !strings.Contains(err.Error(), "dir.db") {
		t.Errorf("a path that cannot be: %v", err)
	}
}

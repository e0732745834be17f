// Package rows caches the rows of live data files in DuckDB, so that a commit of twenty rows need not read the whole month again.
// A data file never changes: it is read once, and later queries only name the files that they mean. The cache may lack rows but
// never has wrong ones.
package rows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// FileColumn is the column, beside those of the table, that has the number of a row's file.
const FileColumn = "_file"

const (
	// maxRows bounds the unused rows of one table; they take about 60 MB for the widest table.
	maxRows = 150_000
	// maxNarrow bounds them where the rows have only the columns that models read: compressed, some 20 bytes each.
	maxNarrow = 2_500_000
	// wideRows is from how many rows on, which must be read from files, only some columns are.
	wideRows = 250_000
	// recentHolds is the number of calls of Hold during which a file counts as in use. Each commit replaces the files of a few
	// days. Nobody asks for replaced files, but every query would scan their rows.
	recentHolds = 4
	// staleRows is the number of unused rows that may stay, so that not every commit rewrites the other rows.
	staleRows = 8_000
	// looseRows is after how many rows from files DuckDB compresses what it has: two of its groups of rows. Two million rows of one coin then
	// take 38 MB and not 456, most of which it would write to disk and read again for each query.
	looseRows = 2 * 122_880
)

// Cache caches the rows of one lake in one DuckDB database. It is safe for concurrent use.
type Cache struct {
	lake *lake.Lake

	mu     sync.Mutex
	tables map[string]*cached
}

// cached holds the rows of one table in one schema.
type cached struct {
	mu      sync.Mutex
	name    string           // of the DuckDB table
	columns []string         // nil: all of the table
	keys    map[string]int32 // those that have a number, see keyNumber
	most    int64            // of the unused rows
	made    bool
	next    int64
	clock   uint64
	rows    int64
	loose   int64             // rows that came since DuckDB compressed them
	files   map[string]*entry // by lake.File.ID
}

type entry struct {
	number int64
	rows   int64
	used   uint64
	held   int
}

// New makes an empty cache of a lake.
func New(l *lake.Lake) *Cache { return &Cache{lake: l, tables: map[string]*cached{}} }

// Held keeps the rows of some files until Release.
type Held struct {
	// Relation is a query with the columns of the table and FileColumn.
	Relation string
	// Files has the files by their number in FileColumn.
	Files   map[int64]lake.File
	Release func()
}

// Hold makes the rows of files of a table available to queries of every connection of the database.
func (c *Cache) Hold(ctx context.Context, conn *duck.Conn, t *lake.Table, files []lake.File) (*Held, error) {
	return c.hold(ctx, conn, c.of(t, nil), t, files)
}

// HoldColumns does so for some columns of the table, or for all of them if few rows are not there yet.
func (c *Cache) HoldColumns(ctx context.Context, conn *duck.Conn, t *lake.Table, columns []string, files []lake.File) (*Held, error) {
	if k := c.of(t, nil); k.missing(files) <= wideRows {
		return c.hold(ctx, conn, k, t, files)
	}
	return c.hold(ctx, conn, c.of(t, columns), t, files)
}

func (c *Cache) hold(ctx context.Context, conn *duck.Conn, k *cached, t *lake.Table, files []lake.File) (*Held, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.create(ctx, conn, t); err != nil {
		return nil, fmt.Errorf("hold rows of %s: %w", t.Name, err)
	}
	k.clock++
	held := &Held{Files: map[int64]lake.File{}}
	if err := k.load(ctx, conn, c.lake, t, files); err != nil {
		return nil, fmt.Errorf("hold rows of %s: %w", t.Name, errors.Join(err, k.shrink(ctx, conn)))
	}
	var ids []string
	for _, f := range files {
		e := k.files[f.ID()]
		e.used, e.held = k.clock, e.held+1
		ids = append(ids, f.ID())
		held.Files[e.number] = f
	}
	held.Relation = k.relation(held.Files)
	held.Release = func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.release(ids)
	}
	return held, k.shrink(ctx, conn)
}

// of returns the rows of a table, in some columns (nil: all). A changed schema begins new rows, because the columns differ.
func (c *Cache) of(t *lake.Table, columns []string) *cached {
	id := fmt.Sprintf("%s#%d", t.Name, t.Meta.CurrentSchema().ID)
	if columns != nil {
		id += "#" + strings.Join(columns, ",")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.tables[id]
	if k == nil {
		k = &cached{name: fmt.Sprintf("rows.t%d", len(c.tables)), columns: columns, most: maxRows, files: map[string]*entry{}}
		if columns != nil {
			k.most = maxNarrow
		}
		c.tables[id] = k
	}
	return k
}

// create makes the DuckDB table with the types of the table's rows.
func (k *cached) create(ctx context.Context, conn *duck.Conn, t *lake.Table) error {
	if k.made {
		return nil
	}
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		return err
	}
	if err := conn.Exec(ctx, "create schema if not exists rows"); err != nil {
		return err
	}
	if k.columns != nil {
		fields := slices.DeleteFunc(slices.Clone(schema.Fields()), func(f arrow.Field) bool { return !slices.Contains(k.columns, f.Name) })
		schema = arrow.NewSchema(fields, nil)
	}
	if err := CreateEmpty(ctx, conn, k.name, withFile(schema)); err != nil {
		return err
	}
	if k.keyed() {
		if err := k.createKeys(ctx, conn); err != nil {
			return err
		}
	}
	k.made = true
	return nil
}

// missing counts the rows of files that are not there.
func (k *cached) missing(files []lake.File) (n int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range files {
		if k.files[f.ID()] == nil {
			n += f.Rows()
		}
	}
	return n
}

// load reads the files that are not there yet. It decodes the next rows while DuckDB takes some. Files go in batch by batch: if one fails,
// the rows of all of them are nobody's, and shrink drops them.
func (k *cached) load(ctx context.Context, conn *duck.Conn, l *lake.Lake, t *lake.Table, files []lake.File) error {
	var missing []lake.File
	for _, f := range files {
		if k.files[f.ID()] == nil {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	first := k.next + 1
	k.next += int64(len(missing))
	next, stop := ahead(k.read(ctx, l, t, missing, first))
	defer stop()
	counts := make([]int64, len(missing))
	for b := range next {
		if b.err != nil {
			return b.err
		}
		counts[b.Column(0).(*array.Int64).Value(0)-first] += b.NumRows()
		err := k.insert(ctx, conn, b.RecordBatch)
		b.Release()
		if err == nil {
			err = k.compress(ctx, conn)
		}
		if err != nil {
			return err
		}
	}
	for i, f := range missing {
		k.files[f.ID()] = &entry{number: first + int64(i), rows: counts[i], used: k.clock}
	}
	return nil
}

// read decodes files one after the other. The first column of each batch is the number of its file, counted from first.
func (k *cached) read(ctx context.Context, l *lake.Lake, t *lake.Table, files []lake.File, first int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for i, f := range files {
			_, batches, err := l.ReadColumns(ctx, t, k.columns, f)
			if err != nil {
				yield(nil, err)
				return
			}
			for b, err := range batches {
				if err != nil {
					yield(nil, err)
					return
				}
				if b.NumRows() == 0 {
					b.Release()
					continue
				}
				numbered := number(b, first+int64(i))
				b.Release()
				if !yield(numbered, nil) {
					return
				}
			}
		}
	}
}

func (k *cached) relation(files map[int64]lake.File) string {
	if len(files) == 0 {
		return "from " + k.all() + " where false"
	}
	numbers := make([]int64, 0, len(files))
	for n := range files {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return "from " + k.all() + " where " + FileColumn + " in (" + list(numbers) + ")"
}

func list(numbers []int64) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(texts, ", ")
}

func (k *cached) release(ids []string) {
	for _, id := range ids {
		k.files[id].held--
	}
}

// shrink drops unused files when they have most of the rows, and the files used longest ago when there are too many rows. It writes
// the table again without them, because DuckDB keeps the memory of deleted rows in an in-memory table. It lets rows be as long as more would
// have to be written again than are dropped: a step that held 12 million rows wrote them again for each merge of upkeep's. Where DuckDB has not
// the memory for it now, a later call has.
func (k *cached) shrink(ctx context.Context, conn *duck.Conn) error {
	var used int64
	for _, e := range k.files {
		if k.uses(e) {
			used += e.rows
		}
	}
	if k.rows <= k.most && k.rows-used <= max(staleRows, used) {
		return nil
	}
	keep, drop, kept := []int64{0}, []string(nil), int64(0) // no file has the number 0
	for _, id := range slices.SortedFunc(maps.Keys(k.files), func(a, b string) int { return cmp.Compare(k.files[b].used, k.files[a].used) }) {
		e := k.files[id]
		if e.held > 0 || k.uses(e) && kept+e.rows <= k.most/2 {
			kept += e.rows
			keep = append(keep, e.number)
			continue
		}
		drop = append(drop, id)
	}
	if k.rows-kept <= max(staleRows, kept) {
		return nil
	}
	err := conn.Exec(ctx, fmt.Sprintf("create or replace table %s as from %s where %s in (%s)", k.name, k.name, FileColumn, list(keep)))
	if duck.OutOfMemory(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("shrink %s: %w", k.name, err)
	}
	for _, id := range drop {
		delete(k.files, id)
	}
	k.rows, k.loose = kept, kept
	return k.compress(ctx, conn)
}

// compress has DuckDB compress the rows, if that is worth it.
func (k *cached) compress(ctx context.Context, conn *duck.Conn) error {
	if k.loose < looseRows {
		return nil
	}
	done, err := conn.Compress(ctx)
	if done {
		k.loose = 0
	}
	return err
}

// uses tells whether a file is in use or was used lately.
func (k *cached) uses(e *entry) bool { return e.held > 0 || k.clock-e.used < recentHolds }

func withFile(schema *arrow.Schema) *arrow.Schema {
	fields := append([]arrow.Field{{Name: FileColumn, Type: arrow.PrimitiveTypes.Int64}}, schema.Fields()...)
	return arrow.NewSchema(fields, nil)
}

// number adds the file's number as first column of a batch. It uses the batch's own schema: the scan's differs in the nullability
// of nested values.
func number(b arrow.RecordBatch, n int64) arrow.RecordBatch {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(int(b.NumRows()))
	for range b.NumRows() {
		builder.UnsafeAppend(n)
	}
	column := builder.NewArray()
	defer column.Release()
	return array.NewRecordBatch(withFile(b.Schema()), append([]arrow.Array{column}, b.Columns()...), b.NumRows())
}

// Package rows caches the rows of live data files in DuckDB, so that a commit of twenty rows need not read the whole month again.
// A data file never changes: it is read once, and later queries only name the files that they mean. The cache may lack rows but
// never has wrong ones.
package rows

import (
	"cmp"
	"context"
	"fmt"
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
	// recentHolds is the number of calls of Hold during which a file counts as in use. Each commit replaces the files of a few
	// days. Nobody asks for replaced files, but every query would scan their rows.
	recentHolds = 4
	// staleRows is the number of unused rows that may stay, so that not every commit rewrites the other rows.
	staleRows = 8_000
)

// Cache caches the rows of one lake in one DuckDB database. It is safe for concurrent use.
type Cache struct {
	lake *lake.Lake

	mu     sync.Mutex
	tables map[string]*cached
}

// cached holds the rows of one table in one schema.
type cached struct {
	mu    sync.Mutex
	name  string // of the DuckDB table
	made  bool
	next  int64
	clock uint64
	rows  int64
	files map[string]*entry // by lake.File.ID
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
	k := c.of(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.create(ctx, conn, t); err != nil {
		return nil, fmt.Errorf("hold rows of %s: %w", t.Name, err)
	}
	k.clock++
	held := &Held{Files: map[int64]lake.File{}}
	var ids []string
	for _, f := range files {
		e, err := k.load(ctx, conn, c.lake, t, f)
		if err != nil {
			k.release(ids)
			return nil, fmt.Errorf("hold rows of %s: %w", t.Name, err)
		}
		e.held++
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

// of returns the rows of a table. A changed schema begins new rows, because the columns differ.
func (c *Cache) of(t *lake.Table) *cached {
	id := fmt.Sprintf("%s#%d", t.Name, t.Meta.CurrentSchema().ID)
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.tables[id]
	if k == nil {
		k = &cached{name: fmt.Sprintf("rows.t%d", len(c.tables)), files: map[string]*entry{}}
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
	if err := CreateEmpty(ctx, conn, k.name, withFile(schema)); err != nil {
		return err
	}
	k.made = true
	return nil
}

func (k *cached) load(ctx context.Context, conn *duck.Conn, l *lake.Lake, t *lake.Table, f lake.File) (*entry, error) {
	if e := k.files[f.ID()]; e != nil {
		e.used = k.clock
		return e, nil
	}
	k.next++
	e := &entry{number: k.next, used: k.clock}
	// A large file goes in batch by batch. If a batch fails, nobody knows the number of the rows that are in.
	n, err := Insert(ctx, conn, k.name, Source{Lake: l, Table: t, Files: []lake.File{f}, Change: func(b arrow.RecordBatch) arrow.RecordBatch { return number(b, e.number) }})
	if err != nil {
		return nil, err
	}
	e.rows = n
	k.rows += e.rows
	k.files[f.ID()] = e
	return e, nil
}

func (k *cached) relation(files map[int64]lake.File) string {
	if len(files) == 0 {
		return "from " + k.name + " where false"
	}
	numbers := make([]int64, 0, len(files))
	for n := range files {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return "from " + k.name + " where " + FileColumn + " in (" + list(numbers) + ")"
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
// the table again without them, because DuckDB keeps the memory of deleted rows in an in-memory table.
func (k *cached) shrink(ctx context.Context, conn *duck.Conn) error {
	var used int64
	for _, e := range k.files {
		if k.uses(e) {
			used += e.rows
		}
	}
	if k.rows <= maxRows && k.rows-used <= max(staleRows, used) {
		return nil
	}
	ids := make([]string, 0, len(k.files))
	for id := range k.files {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(k.files[b].used, k.files[a].used) })
	var keep []int64
	var drop []string
	var kept int64
	for _, id := range ids {
		e := k.files[id]
		if e.held > 0 || k.uses(e) && kept+e.rows <= maxRows/2 {
			kept += e.rows
			keep = append(keep, e.number)
			continue
		}
		drop = append(drop, id)
	}
	if len(drop) == 0 {
		return nil
	}
	if len(keep) == 0 {
		keep = []int64{0} // no file has the number 0
	}
	if err := conn.Exec(ctx, fmt.Sprintf("create or replace table %s as from %s where %s in (%s)", k.name, k.name, FileColumn, list(keep))); err != nil {
		return fmt.Errorf("shrink %s: %w", k.name, err)
	}
	for _, id := range drop {
		delete(k.files, id)
	}
	k.rows = kept
	return nil
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

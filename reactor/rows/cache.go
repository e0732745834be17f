// Package rows keeps the rows of live data files in DuckDB, so that a commit which touches twenty rows does not have to
// read the month around them again. A data file never changes: it is read once, and after that a query only has to say
// which files it means. Nothing here is ever wrong, only absent.
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

// FileColumn is the column that tells which file a row is from, beside the columns of the table.
const FileColumn = "_file"

const (
	// maxRows is how many rows of one table stay when nobody uses them; about 60 MB for the widest table.
	maxRows = 150_000
	// recentHolds is for how many calls of Hold a file counts as in use. Each commit replaces the files of a few days: what it
	// replaced is asked for no more, and every query would look through it for ever.
	recentHolds = 4
	// staleRows is how many rows that are not in use stay in any case, so that not every commit writes the others anew.
	staleRows = 8_000
)

// Cache is the rows of one lake in one DuckDB database; safe for concurrent use.
type Cache struct {
	lake *lake.Lake

	mu     sync.Mutex
	tables map[string]*cached
}

// cached is the rows of one table in one schema.
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

// New makes the cache of a lake, with nothing in it.
func New(l *lake.Lake) *Cache { return &Cache{lake: l, tables: map[string]*cached{}} }

// Held are the rows of some files, until Release.
type Held struct {
	// Relation is a query with the columns of the table and FileColumn.
	Relation string
	// Files are those held, by their number in FileColumn.
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

// of finds the rows of a table. A table whose schema changed is another one: its columns are others.
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

// create makes the DuckDB table with the types that the table's own rows have.
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
	// A large file goes in batch by batch; when one fails, the rows that are in belong to a number nobody knows.
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

// shrink drops the files that are not in use once they are the greater part, and those used longest ago once there are too
// many rows. The table is written anew without them: DuckDB keeps the memory of deleted rows of an in-memory table.
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

// uses tells whether a file is in use, or was a moment ago.
func (k *cached) uses(e *entry) bool { return e.held > 0 || k.clock-e.used < recentHolds }

func withFile(schema *arrow.Schema) *arrow.Schema {
	fields := append([]arrow.Field{{Name: FileColumn, Type: arrow.PrimitiveTypes.Int64}}, schema.Fields()...)
	return arrow.NewSchema(fields, nil)
}

// number puts the file's number before the columns of a batch. The batch's own schema counts: the scan's differs from it
// in the nullability of nested values.
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

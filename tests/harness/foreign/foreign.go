// Package foreign writes to tables of a lake as another engine does: through the catalog, in snapshots that carry that engine's name,
// and without a word to the ledger.
package foreign

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	s3 "github.com/minio/minio-go/v7"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// Name is what the engine writes of itself into its snapshots.
const Name = "engine-name=spark engine-version=3.5.6 app-id=local-1764433381"

var summary = iceberg.Properties{"engine-name": "spark", "engine-version": "3.5.6", "app-id": "local-1764433381"}

// Engine writes to the tables of one lake.
type Engine struct {
	t     testing.TB
	lake  *lake.Lake
	conn  *duck.Conn
	cache *rows.Cache
	says  iceberg.Properties // of itself, in its snapshots
}

// Place is where a lake lies.
type Place struct {
	Client  *s3.Client
	Bucket  string
	Catalog string // the address of its catalog
}

// Open signs in to a lake until the test ends.
func Open(t testing.TB, at Place) *Engine {
	t.Helper()
	l, err := lake.Open(t.Context(), at.Client, at.Bucket, at.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return On(t, l)
}

// On works on a lake that is open.
func On(t testing.TB, l *lake.Lake) *Engine {
	t.Helper()
	db, err := duck.Open(duck.Config{MemoryLimit: "128MiB", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := db.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &Engine{t, l, conn, rows.New(l), summary}
}

// As is the engine with another word of itself in its snapshots.
func (e *Engine) As(name, value string) *Engine {
	other := *e
	other.says = iceberg.Properties{name: value}
	return &other
}

// Replace puts the rows of a query in the place of all rows of a table, and returns the snapshot. The query reads the rows as they were
// from the relation before; columns go by name.
func (e *Engine) Replace(name, sql string) int64 {
	e.t.Helper()
	return e.write(name, sql, true)
}

// Append adds the rows of a query to a table.
func (e *Engine) Append(name, sql string) int64 {
	e.t.Helper()
	return e.write(name, sql, false)
}

// Update changes rows: set is what stands behind REPLACE.
func (e *Engine) Update(name, where, set string) int64 {
	e.t.Helper()
	return e.Replace(name, fmt.Sprintf("select * from before where not (%[1]s) union all select * replace (%[2]s) from before where %[1]s", where, set))
}

// Delete takes rows away.
func (e *Engine) Delete(name, where string) int64 {
	e.t.Helper()
	return e.Replace(name, "select * from before where not ("+where+")")
}

func (e *Engine) write(name, sql string, replace bool) int64 {
	e.t.Helper()
	var id int64
	_, err := e.lake.OnTable(e.t.Context(), name, func(t *lake.Table) error {
		files, err := e.lake.Files(e.t.Context(), t, t.Snapshot(), lake.AllMonths)
		if err != nil {
			return err
		}
		held, err := e.cache.Hold(e.t.Context(), e.conn, t, files)
		if err != nil {
			return err
		}
		defer held.Release()
		schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
		if err != nil {
			return err
		}
		if err := rows.CreateTemporary(e.t.Context(), e.conn, "after", schema); err != nil {
			return err
		}
		if err := e.conn.Exec(e.t.Context(), "create or replace temp view before as select * exclude (_file) from ("+held.Relation+"); insert into after by name "+sql); err != nil {
			return err
		}
		c := lake.Change{Base: t, Summary: e.says, Schema: schema, Rows: rows.Select(e.t.Context(), e.conn, "from after order by "+lake.MonthSQL(timeOf(t)), schema)}
		if replace {
			c.Remove = files
		}
		next, err := e.lake.Commit(e.t.Context(), []lake.Change{c}, nil)
		if err == nil {
			id = next[0].SnapshotID()
		}
		return err
	})
	if err != nil {
		e.t.Fatalf("write to %s as another engine: %v", name, err)
	}
	return id
}

// timeOf is the column by whose month a table is partitioned.
func timeOf(t *lake.Table) string {
	spec := t.Meta.PartitionSpec()
	f, _ := t.Meta.CurrentSchema().FindFieldByID(spec.Field(0).SourceID())
	return f.Name
}

// AddColumn gives a table a column of the engine's own, with a value in each row.
func (e *Engine) AddColumn(name, column, value string) {
	e.t.Helper()
	_, err := e.lake.OnTable(e.t.Context(), name, func(t *lake.Table) error {
		added := iceberg.NestedField{ID: t.Meta.LastColumnID() + 1, Name: column, Type: iceberg.PrimitiveTypes.String}
		wider := iceberg.NewSchema(len(t.Meta.Schemas()), append(t.Meta.CurrentSchema().Fields(), added)...)
		_, err := e.lake.Commit(e.t.Context(), []lake.Change{{Base: t, Evolve: wider}}, nil)
		return err
	})
	if err != nil {
		e.t.Fatalf("add a column to %s as another engine: %v", name, err)
	}
	e.Replace(name, fmt.Sprintf("select * replace (%s as %s) from before", duck.Quote(value), duck.Identifier(column)))
}

// Query gives a text for each row of a table, in the order of the texts.
func (e *Engine) Query(name, text string) (lines []string) {
	e.t.Helper()
	_, err := e.lake.OnTable(e.t.Context(), name, func(t *lake.Table) error {
		files, err := e.lake.Files(e.t.Context(), t, t.Snapshot(), lake.AllMonths)
		if err != nil {
			return err
		}
		held, err := e.cache.Hold(e.t.Context(), e.conn, t, files)
		if err != nil {
			return err
		}
		defer held.Release()
		r, err := e.conn.Query(e.t.Context(), "select "+text+" as line from ("+held.Relation+") order by 1")
		if err != nil {
			return err
		}
		defer r.Close()
		for r.Next() {
			column := r.RecordBatch().Column(0).(*array.String)
			for i := range column.Len() {
				lines = append(lines, strings.Clone(column.Value(i)))
			}
		}
		return r.Err()
	})
	if err != nil {
		e.t.Fatalf("read %s: %v", name, err)
	}
	return lines
}

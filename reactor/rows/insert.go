package rows

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// CreateEmpty makes or replaces a DuckDB table with the columns of schema and no rows.
func CreateEmpty(ctx context.Context, conn *duck.Conn, name string, schema *arrow.Schema) error {
	return createEmpty(ctx, conn, "create or replace table "+name, schema)
}

// CreateTemporary does what CreateEmpty does, with a table that only the connection sees.
func CreateTemporary(ctx context.Context, conn *duck.Conn, name string, schema *arrow.Schema) error {
	return createEmpty(ctx, conn, "create or replace temp table "+name, schema)
}

func createEmpty(ctx context.Context, conn *duck.Conn, create string, schema *arrow.Schema) error {
	empty, err := array.NewRecordReader(schema, nil)
	if err != nil {
		return err
	}
	defer empty.Release()
	const columns = "columns_of_a_table"
	release, err := conn.Register(columns, empty)
	if err != nil {
		return err
	}
	defer release()
	return conn.Exec(ctx, create+" as from "+columns)
}

// Source names what Insert reads: files of a table, with the columns that the table has now.
type Source struct {
	Lake  *lake.Lake
	Table *lake.Table
	Files []lake.File
	// Change, when set, turns a batch that was read into the one to insert. Insert releases it.
	Change func(arrow.RecordBatch) arrow.RecordBatch
}

// Insert reads files into a DuckDB table, columns by name, and returns the number of rows. It holds one batch in memory at a time.
// After an error some rows may be in the table.
func Insert(ctx context.Context, conn *duck.Conn, name string, from Source) (n int64, err error) {
	if len(from.Files) == 0 {
		return 0, nil
	}
	_, batches, err := from.Lake.Read(ctx, from.Table, from.Files...)
	if err != nil {
		return 0, err
	}
	for b, err := range batches {
		if err != nil {
			return n, fmt.Errorf("read %s (%s and %d files more): %w", from.Table.Name, from.Files[0].Path(), len(from.Files)-1, err)
		}
		n += b.NumRows()
		if from.Change != nil {
			changed := from.Change(b)
			b.Release()
			b = changed
		}
		err = conn.Insert(ctx, name, b.Schema(), b)
		b.Release()
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

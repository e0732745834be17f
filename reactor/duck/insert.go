package duck

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// vectorSize is DuckDB's STANDARD_VECTOR_SIZE, the capacity of its chunks in rows.
const vectorSize = 2048

// Insert appends batches to a table ("name" or "schema.name"), columns by name. Columns that the batches lack get their default.
// All batches go in, or none. An open transaction of the connection includes the insert.
func (c *Conn) Insert(ctx context.Context, table string, schema *arrow.Schema, batches ...arrow.RecordBatch) error {
	if c.open != nil {
		return ErrBusy
	}
	c.db.used.RLock()
	defer c.db.used.RUnlock()
	err := c.alive("")
	if err == nil {
		err = c.watch(c.insert(ctx, table, schema, batches))
	}
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

func (c *Conn) insert(ctx context.Context, table string, schema *arrow.Schema, batches []arrow.RecordBatch) error {
	for _, b := range batches {
		if err := sameTypes(schema, b); err != nil {
			return err
		}
	}
	in, err := convertSchema(c.handle, schema)
	if err != nil {
		return err
	}
	defer in.free()

	var app bindings.Appender
	defer bindings.AppenderDestroy(&app)
	space, name := splitName(table)
	if bindings.AppenderCreateExt(c.handle, "", space, name, &app) == bindings.StateError {
		return appenderError(app)
	}
	for _, f := range schema.Fields() {
		if bindings.AppenderAddColumn(app, f.Name) == bindings.StateError {
			return fmt.Errorf("column %s: %w", f.Name, appenderError(app))
		}
	}
	for len(batches) > 0 {
		n := packed(batches)
		b, err := together(schema, batches[:n])
		if err == nil {
			err = c.append(ctx, app, in, b)
			b.Release()
		}
		if err != nil {
			bindings.AppenderClear(app) // without this, destroying it would flush its rows
			return err
		}
		batches = batches[n:]
	}
	return c.guard(ctx, "", func() string {
		if bindings.AppenderClose(app) == bindings.StateError {
			reason := appenderError(app).Message
			bindings.AppenderClear(app)
			return reason
		}
		return ""
	})
}

// packedBytes is the size from which a chunk gets no more batches: packing copies their rows.
const packedBytes = 1 << 20

// packed returns how many of the first batches to pack into one chunk: a chunk of twenty rows costs almost as much as one of two
// thousand.
func packed(batches []arrow.RecordBatch) int {
	n, rows, bytes := 1, batches[0].NumRows(), size(batches[0])
	for n < len(batches) && rows+batches[n].NumRows() <= vectorSize && bytes < packedBytes {
		rows, bytes = rows+batches[n].NumRows(), bytes+size(batches[n])
		n++
	}
	return n
}

// size returns a batch's size in memory.
func size(b arrow.RecordBatch) (n uint64) {
	for _, c := range b.Columns() {
		n += c.Data().SizeInBytes()
	}
	return n
}

// together returns one batch with the rows of several. The caller releases it.
func together(schema *arrow.Schema, batches []arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(batches) == 1 {
		batches[0].Retain()
		return batches[0], nil
	}
	columns, rows := make([]arrow.Array, schema.NumFields()), int64(0)
	for _, b := range batches {
		rows += b.NumRows()
	}
	for i, f := range schema.Fields() {
		parts := make([]arrow.Array, len(batches))
		for j, b := range batches {
			parts[j] = b.Column(i)
		}
		column, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		defer column.Release()
		columns[i] = column
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}

func (c *Conn) append(ctx context.Context, app bindings.Appender, in converted, b arrow.RecordBatch) error {
	for from := int64(0); from < b.NumRows(); from += vectorSize {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := b.NewSlice(from, min(from+vectorSize, b.NumRows()))
		chunk, err := chunkOf(c.handle, in, part)
		part.Release()
		if err != nil {
			return err
		}
		state := bindings.AppendDataChunk(app, chunk)
		bindings.DestroyDataChunk(&chunk)
		if state == bindings.StateError {
			return appenderError(app)
		}
	}
	return nil
}

func appenderError(app bindings.Appender) *Error {
	data := bindings.AppenderErrorData(app)
	defer bindings.DestroyErrorData(&data)
	return &Error{Message: bindings.ErrorDataMessage(data)}
}

// sameTypes refuses a batch whose types are not the schema's: C would read past the end of its buffers.
func sameTypes(schema *arrow.Schema, b arrow.RecordBatch) error {
	if int(b.NumCols()) != schema.NumFields() {
		return fmt.Errorf("a batch has %d columns, the schema %d", b.NumCols(), schema.NumFields())
	}
	for i, f := range schema.Fields() {
		if got := b.Column(i).DataType(); !arrow.TypeEqual(got, f.Type) {
			return fmt.Errorf("column %s of a batch is %s, the schema says %s", f.Name, got, f.Type)
		}
	}
	return nil
}

func splitName(table string) (schema, name string) {
	if schema, name, ok := strings.Cut(table, "."); ok {
		return schema, name
	}
	return "", table
}

package duck

import (
	"context"
	"io"
	"iter"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Rows stream a statement's result in record batches of at most 2,048 rows. Rows are an array.RecordReader: a batch from
// RecordBatch is valid until the next Next; Retain a batch to keep it longer.
type Rows struct {
	conn     *Conn
	ctx      context.Context
	sql      string
	prepared bindings.PreparedStatement
	result   bindings.Result
	options  bindings.ArrowOptions
	schema   *arrow.Schema
	batch    arrow.RecordBatch
	err      error
	done     bool
	alone    bool // in a transaction of their own, which has not ended
	refs     atomic.Int64
}

var _ array.RecordReader = (*Rows)(nil)

// describe reads the result's schema.
func (r *Rows) describe() error {
	r.refs.Store(1)
	r.options = bindings.ResultGetArrowOptions(&r.result)
	n := bindings.ColumnCount(&r.result)
	types, names := make([]bindings.LogicalType, n), make([]string, n)
	for i := range n {
		types[i] = bindings.ColumnLogicalType(&r.result, i)
		names[i] = bindings.ColumnName(&r.result, i)
	}
	defer func() {
		for i := range types {
			bindings.DestroyLogicalType(&types[i])
		}
	}()
	var err error
	r.schema, err = arrowSchema(r.options, types, names)
	return err
}

// Schema returns the columns, all nullable. A timestamptz has the zone Etc/UTC, as DuckDB spells UTC.
func (r *Rows) Schema() *arrow.Schema { return r.schema }

// Next moves to the next batch and tells whether there is one. If not, Err says why.
func (r *Rows) Next() bool {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
	if r.done || r.err != nil {
		return false
	}
	var chunk bindings.DataChunk
	r.err = r.conn.guard(r.ctx, r.sql, func() string {
		chunk = bindings.FetchChunk(r.result)
		if chunk.Ptr == nil {
			if reason := bindings.ResultError(&r.result); reason != "" || !r.alone {
				return reason // without a chunk it is either a failure or the end
			}
			r.alone = false
			return r.conn.run("commit", nil)
		}
		return ""
	})
	defer bindings.DestroyDataChunk(&chunk)
	if r.alone && says(r.err, "INTERRUPT Error") {
		r.err = r.cause()
	}
	if r.err != nil || chunk.Ptr == nil {
		r.done = true
		return false
	}
	r.batch, r.err = arrowBatch(r.options, chunk, r.schema)
	return r.err == nil
}

// cause returns why a statement failed that nobody has cancelled. If one of its threads fails while another one's rows are fetched, DuckDB
// 1.5.6 says in 3 to 13 cases of 1,000 only that it was interrupted. A whole result at once has the reason, so the statement runs once more,
// and is undone. If it runs through then, or lacks memory for its rows, the error stays.
func (r *Rows) cause() error {
	r.undo()
	err := r.conn.guard(r.ctx, r.sql, func() string {
		if reason := r.conn.run("begin", nil); reason != "" {
			return reason
		}
		r.alone = true
		var result bindings.Result
		defer bindings.DestroyResult(&result)
		if bindings.ExecutePrepared(r.prepared, &result) == bindings.StateError {
			return bindings.ResultError(&result)
		}
		return ""
	})
	if err == nil || OutOfMemory(err) {
		return r.err
	}
	return err
}

// RecordBatch returns the batch that Next moved to.
func (r *Rows) RecordBatch() arrow.RecordBatch { return r.batch }

// Record is RecordBatch under the older name that array.RecordReader needs too.
func (r *Rows) Record() arrow.RecordBatch { return r.batch }

// Err returns the error that ended the rows early, nil at the regular end.
func (r *Rows) Err() error { return r.err }

// Read returns the next batch, which the caller releases, and io.EOF after the last.
func (r *Rows) Read() (arrow.RecordBatch, error) {
	if !r.Next() {
		if r.err != nil {
			return nil, r.err
		}
		return nil, io.EOF
	}
	r.batch.Retain()
	return r.batch, nil
}

// All yields the batches. Each is valid during its turn of the loop. A failure comes as the last pair.
func (r *Rows) All() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for r.Next() {
			if !yield(r.batch, nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
}

// drain reads the rows to their end, drops and closes them.
func (r *Rows) drain() error {
	defer r.Close()
	for r.Next() {
	}
	return r.Err()
}

// Close frees the result and the connection for the next statement. Retained batches stay valid.
func (r *Rows) Close() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
	r.done = true
	r.free()
	r.undo()
	if r.conn.open == r {
		r.conn.open = nil
		r.conn.db.used.RUnlock()
	}
}

// undo ends a transaction that the end of the rows has not committed.
func (r *Rows) undo() {
	if r.alone {
		r.alone = false
		_ = r.conn.run("rollback", nil) // it fails if the database has ended, and then there is nothing to undo
	}
}

func (r *Rows) free() {
	bindings.DestroyArrowOptions(&r.options)
	bindings.DestroyResult(&r.result)
	bindings.DestroyPrepare(&r.prepared)
}

// Retain adds an owner, as array.RecordReader needs.
func (r *Rows) Retain() { r.refs.Add(1) }

// Release removes an owner; the last one closes the rows.
func (r *Rows) Release() {
	if r.refs.Add(-1) == 0 {
		r.Close()
	}
}

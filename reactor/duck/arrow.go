package duck

/*
#include <stdlib.h>
#include "arrow.h"

// These declarations come from duckdb.h; cgo cannot name its folder in the module cache. Handles are pointers, idx_t has 64 bits.
extern void *duckdb_to_arrow_schema(void *options, void **types, const char **names, uint64_t n, struct ArrowSchema *out);
extern void *duckdb_data_chunk_to_arrow(void *options, void *chunk, struct ArrowArray *out);
extern void *duckdb_schema_from_arrow(void *conn, struct ArrowSchema *schema, void **out);
extern void *duckdb_data_chunk_from_arrow(void *conn, struct ArrowArray *array, void *schema, void **out);
extern void duckdb_destroy_arrow_converted_schema(void **schema);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/cdata"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// failure turns DuckDB's error object into a Go error and frees it.
func failure(e unsafe.Pointer) error {
	data := bindings.ErrorData{Ptr: e}
	if e == nil {
		return nil
	}
	defer bindings.DestroyErrorData(&data)
	if !bindings.ErrorDataHasError(data) {
		return nil
	}
	return &Error{Message: bindings.ErrorDataMessage(data)}
}

// arrowSchema returns the Arrow schema of DuckDB columns.
func arrowSchema(o bindings.ArrowOptions, types []bindings.LogicalType, names []string) (*arrow.Schema, error) {
	if len(types) == 0 {
		return arrow.NewSchema(nil, nil), nil
	}
	cTypes, cNames := make([]unsafe.Pointer, len(types)), make([]*C.char, len(names))
	for i := range types {
		cTypes[i], cNames[i] = types[i].Ptr, C.CString(names[i])
	}
	defer func() {
		for _, n := range cNames {
			C.free(unsafe.Pointer(n))
		}
	}()
	out := C.calloc(1, C.sizeof_struct_ArrowSchema)
	defer C.free(out)
	if err := failure(C.duckdb_to_arrow_schema(o.Ptr, &cTypes[0], &cNames[0], C.uint64_t(len(types)), (*C.struct_ArrowSchema)(out))); err != nil {
		return nil, fmt.Errorf("arrow schema of the result: %w", err)
	}
	schema, err := cdata.ImportCArrowSchema((*cdata.CArrowSchema)(out)) // releases it even if it fails
	if err != nil {
		return nil, fmt.Errorf("arrow schema of the result: %w", err)
	}
	return schema, nil
}

// arrowBatch copies DuckDB's chunk into a record batch. The batch's last Release frees its C memory.
func arrowBatch(o bindings.ArrowOptions, chunk bindings.DataChunk, schema *arrow.Schema) (arrow.RecordBatch, error) {
	out := C.calloc(1, C.sizeof_struct_ArrowArray)
	defer C.free(out)
	if err := failure(C.duckdb_data_chunk_to_arrow(o.Ptr, chunk.Ptr, (*C.struct_ArrowArray)(out))); err != nil {
		return nil, fmt.Errorf("arrow batch of the result: %w", err)
	}
	batch, err := cdata.ImportCRecordBatchWithSchema((*cdata.CArrowArray)(out), schema)
	if err != nil {
		cdata.ReleaseCArrowArray((*cdata.CArrowArray)(out))
		return nil, fmt.Errorf("arrow batch of the result: %w", err)
	}
	return batch, nil
}

// converted turns an Arrow schema into DuckDB's form. The caller frees it.
type converted struct{ ptr unsafe.Pointer }

func convertSchema(conn bindings.Connection, schema *arrow.Schema) (converted, error) {
	in := C.calloc(1, C.sizeof_struct_ArrowSchema)
	defer C.free(in)
	cdata.ExportArrowSchema(schema, (*cdata.CArrowSchema)(in))
	defer cdata.ReleaseCArrowSchema((*cdata.CArrowSchema)(in))
	var out converted
	if err := failure(C.duckdb_schema_from_arrow(conn.Ptr, (*C.struct_ArrowSchema)(in), &out.ptr)); err != nil {
		return converted{}, fmt.Errorf("arrow schema %s: %w", schema, err)
	}
	return out, nil
}

func (s *converted) free() {
	if s.ptr != nil {
		C.duckdb_destroy_arrow_converted_schema(&s.ptr)
	}
}

// chunkOf makes a chunk that reads the batch's own memory. It keeps the batch until the chunk is destroyed.
func chunkOf(conn bindings.Connection, schema converted, batch arrow.RecordBatch) (bindings.DataChunk, error) {
	in := C.calloc(1, C.sizeof_struct_ArrowArray)
	defer C.free(in)
	cdata.ExportArrowRecordBatch(batch, (*cdata.CArrowArray)(in), nil)
	var out unsafe.Pointer
	err := failure(C.duckdb_data_chunk_from_arrow(conn.Ptr, (*C.struct_ArrowArray)(in), schema.ptr, &out))
	if err != nil {
		cdata.ReleaseCArrowArray((*cdata.CArrowArray)(in)) // does nothing if DuckDB has taken it over
		return bindings.DataChunk{}, fmt.Errorf("arrow batch of %d rows: %w", batch.NumRows(), err)
	}
	return bindings.DataChunk{Ptr: out}, nil
}

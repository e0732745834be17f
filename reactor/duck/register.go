package duck

/*
#include <stdint.h>
#include <stdlib.h>

struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, void *);
	int (*get_next)(struct ArrowArrayStream *, void *);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};

extern int duckdb_arrow_scan(void *conn, const char *name, void *stream);
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
)

// Register makes a view over the reader's batches, which stream through the one statement that reads the view. A second
// read is an error: copy the view into a table to read it more often. release drops the view and the reader.
//
// duckdb_arrow_scan is marked as to be replaced, but what replaces it (see chunkOf) only fills tables; a view over a
// stream larger than memory has no other door in the C interface.
func (c *Conn) Register(name string, rr array.RecordReader) (release func(), err error) {
	if c.open != nil {
		return nil, ErrBusy
	}
	if strings.ContainsAny(name, "\"\x00") || name == "" {
		return nil, fmt.Errorf("register a view over arrow batches: %q cannot be its name", name)
	}
	stream := C.calloc(1, C.sizeof_struct_ArrowArrayStream)
	cdata.ExportRecordReader(&onePass{RecordReader: rr, name: name}, (*cdata.CArrowArrayStream)(stream))
	free := func() {
		cdata.ReleaseCArrowArrayStream((*cdata.CArrowArrayStream)(stream))
		C.free(stream)
	}
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	if C.duckdb_arrow_scan(c.handle.Ptr, cName, stream) != 0 {
		free()
		return nil, fmt.Errorf("register a view %s over arrow batches: duckdb refuses the name or the schema %s", name, rr.Schema())
	}
	return func() {
		// The view points into the stream: it has to go first, even when its connection is busy or interrupted.
		if c.open != nil {
			c.open.Close()
		}
		_ = c.Exec(context.Background(), `drop view if exists "`+name+`"`) // a transaction that failed dropped it already
		free()
	}, nil
}

// onePass turns the silent trap of a stream that is read twice (no rows and no error) into an error.
type onePass struct {
	array.RecordReader
	name  string
	ended atomic.Bool
	again atomic.Bool
}

func (r *onePass) Next() bool {
	if r.ended.Load() {
		r.again.Store(true)
		return false
	}
	if r.RecordReader.Next() {
		return true
	}
	r.ended.Store(true)
	return false
}

func (r *onePass) Err() error {
	if err := r.RecordReader.Err(); err != nil {
		return err
	}
	if r.again.Load() {
		return errors.New("the view " + r.name + " streams its rows once and was read twice: copy it into a table first")
	}
	return nil
}

package duck

/*
#include <stdlib.h>
#include "arrow.h"

extern int duckdb_arrow_scan(void *conn, const char *name, void *stream);

// duckdb_arrow_scan asks the stream for its schema and never releases it, which lost 10 KB a view. So it gets a lent copy of
// one schema, which is freed with the stream.
struct lending {
	struct ArrowArrayStream stream, inner;
	struct ArrowSchema schema;
};

static void give_back(struct ArrowSchema *schema) { schema->release = NULL; }

static int lend_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
	*out = ((struct lending *)stream->private_data)->schema;
	out->release = give_back;
	return 0;
}

static int inner_next(struct ArrowArrayStream *stream, void *out) {
	struct lending *l = stream->private_data;
	return l->inner.get_next(&l->inner, out);
}

static const char *inner_error(struct ArrowArrayStream *stream) {
	struct lending *l = stream->private_data;
	return l->inner.get_last_error(&l->inner);
}

static void not_yours(struct ArrowArrayStream *stream) { stream->release = NULL; }

static int lend(struct lending *l) {
	l->stream.get_schema = lend_schema;
	l->stream.get_next = inner_next;
	l->stream.get_last_error = inner_error;
	l->stream.release = not_yours;
	l->stream.private_data = l;
	return l->inner.get_schema(&l->inner, &l->schema);
}

static void free_lending(struct lending *l) {
	if (l->schema.release) l->schema.release(&l->schema);
	if (l->inner.release) l->inner.release(&l->inner);
	free(l);
}
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

// Register makes a view over the reader's batches. One statement can read the view, and streams the batches; a second read fails.
// To read more often, copy the view into a table. release drops the view and the reader.
//
// duckdb_arrow_scan is deprecated, but its replacement (see chunkOf) only fills tables. The C interface has no other way to make a
// view over a stream larger than memory.
func (c *Conn) Register(name string, rr array.RecordReader) (release func(), err error) {
	if c.open != nil {
		return nil, ErrBusy
	}
	if strings.ContainsAny(name, "\"\x00") || name == "" {
		return nil, fmt.Errorf("register a view over arrow batches: %q cannot be its name", name)
	}
	lending := (*C.struct_lending)(C.calloc(1, C.sizeof_struct_lending))
	cdata.ExportRecordReader(&onePass{RecordReader: rr, name: name}, (*cdata.CArrowArrayStream)(unsafe.Pointer(&lending.inner)))
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	if C.lend(lending) != 0 || C.duckdb_arrow_scan(c.handle.Ptr, cName, unsafe.Pointer(&lending.stream)) != 0 {
		C.free_lending(lending)
		return nil, fmt.Errorf("register a view %s over arrow batches: duckdb refuses the name or the schema %s", name, rr.Schema())
	}
	return func() {
		// The view points into the stream, so drop it first, even if its connection is busy or interrupted.
		if c.open != nil {
			c.open.Close()
		}
		_ = c.Exec(context.Background(), `drop view if exists "`+name+`"`) // a failed transaction has dropped it already
		C.free_lending(lending)
	}, nil
}

// onePass makes a second read of a stream an error. Without it the read returns no rows and no error.
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

package silver

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	parquetMagic = "PAR1"
	// parquetRows are decoded at a time, and fewer where each may hold a text of its own.
	parquetRows, parquetTextRows = 1024, 128
	// parquetDictionary is how much text of a column is read as a dictionary, which is kept while the column is read.
	parquetDictionary = 8 << 20
	// parquetPage is the largest page, unpacked; writers make pages of about 1 MiB.
	parquetPage = 32 << 20
	// parquetCell is the longest text of one value.
	parquetCell = 1 << 20
)

// parquet reads a table whose columns are named as the API's fields or as the silver columns. Each of its rows becomes
// the JSON object that the API would have sent, and goes the same way from there: one set of rules, one `raw`, one `extra`.
func (o *object) parquet() (err error) {
	at, size, closer, err := o.payload.ReaderAt(o.ctx)
	if err != nil {
		return &ioError{err: err}
	}
	defer func() { _ = closer() }()
	w := &watchedAt{r: at, size: size}
	head := make([]byte, len(parquetMagic))
	if n, err := w.ReadAt(head, 0); w.err != nil {
		return w.err
	} else if err != nil && err != io.EOF || string(head[:n]) != parquetMagic {
		return unreadable("it is not Parquet: %d bytes that begin with %s", size, quote(head[:n]))
	}
	if err = o.parquetFile(w); w.err != nil {
		return w.err
	}
	return err
}

// careful calls the Parquet library, which panics on some broken files.
func careful(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unreadable("its Parquet is broken: %v", p)
		}
	}()
	return call()
}

// watchedAt tells the payload's failures from those of the Parquet reader on it.
type watchedAt struct {
	r    io.ReaderAt
	size int64
	pos  int64
	err  error
}

func (w *watchedAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && err != io.EOF && w.err == nil {
		w.err = &ioError{err: err}
	}
	return n, err
}

func (w *watchedAt) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.pos
	case io.SeekEnd:
		offset += w.size
	}
	w.pos = offset
	return offset, nil
}

func (o *object) parquetFile(w *watchedAt) error {
	var rows pqarrow.RecordReader
	if err := careful(func() (err error) { rows, err = o.openParquet(w); return err }); err != nil {
		return err
	}
	defer rows.Release()
	columns, err := o.parquetColumns(rows.Schema())
	if err != nil {
		return err
	}
	for {
		more := false
		if err := careful(func() error { more = rows.Next(); return nil }); err != nil {
			return err
		}
		if !more {
			break
		}
		if err := o.parquetBatch(columns, rows.RecordBatch()); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil && !errors.Is(err, io.EOF) {
		if o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		return unreadable("its Parquet breaks off at row %d: %v", o.next, err)
	}
	return nil
}

func (o *object) openParquet(w *watchedAt) (pqarrow.RecordReader, error) {
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.MaxUncompressedPageSize = parquetPage
	f, err := file.NewParquetReader(w, file.WithReadProps(props))
	if err != nil {
		return nil, unreadable("its Parquet cannot be opened: %v", err)
	}
	if err := o.src.Limits.rows(f.NumRows()); err != nil {
		return nil, err
	}
	reading := pqarrow.ArrowReadProperties{BatchSize: parquetRows}
	var unpacked int64
	for i := range f.MetaData().Schema.NumColumns() {
		stored, err := storedBytes(f, i)
		if err != nil {
			return nil, err
		}
		unpacked += stored
		if err := o.src.Limits.unpacked(unpacked); err != nil {
			return nil, err
		}
		if f.MetaData().Schema.Column(i).PhysicalType() != parquet.Types.ByteArray {
			continue
		}
		// Texts stay in their dictionary: copied into each row, a few bytes of file could become gigabytes. But a column of
		// many texts would gather all of them in it: two million prices took 400 MB.
		if stored <= parquetDictionary {
			reading.SetReadDict(i, true)
		} else {
			reading.BatchSize = parquetTextRows
		}
	}
	r, err := pqarrow.NewFileReader(f, reading, memory.DefaultAllocator)
	if err != nil {
		return nil, unreadable("its Parquet schema cannot be read: %v", err)
	}
	rows, err := r.GetRecordReader(o.ctx, nil, nil)
	if err != nil {
		return nil, unreadable("its Parquet columns cannot be read: %v", err)
	}
	return rows, nil
}

// storedBytes is the size of a column in the file, unpacked.
func storedBytes(f *file.Reader, column int) (int64, error) {
	var sum int64
	for g := range f.NumRowGroups() {
		chunk, err := f.MetaData().RowGroup(g).ColumnChunk(column)
		if err != nil {
			return 0, unreadable("its Parquet row group %d cannot be read: %v", g, err)
		}
		sum += chunk.TotalUncompressedSize()
	}
	return sum, nil
}

// parquetColumns are the quoted names, ready for a JSON object.
func (o *object) parquetColumns(schema *arrow.Schema) ([]string, error) {
	quoted := make([]string, schema.NumFields())
	known := 0
	for i, f := range schema.Fields() {
		if _, ok := o.d.byName[f.Name]; ok {
			known++
		}
		name, ok := quoteJSON(f.Name)
		if !ok {
			return nil, unreadable("its Parquet column %d has a name that is not UTF-8: %s", i, quote([]byte(f.Name)))
		}
		quoted[i] = string(name) + ":"
	}
	if known == 0 {
		var names []string
		for _, f := range schema.Fields() {
			names = append(names, f.Name)
		}
		return nil, unreadable("none of its Parquet columns is known: %s; expected the fields of %s or the columns of silver.%s",
			quote([]byte(strings.Join(names, ", "))), o.d.Name, o.d.Table)
	}
	return quoted, nil
}

func (o *object) parquetBatch(names []string, batch arrow.RecordBatch) error {
	var text []byte
	for i := range int(batch.NumRows()) {
		var bad *refusal
		// A dictionary may be shorter than the rows that point into it say.
		err := careful(func() error { text, bad = o.parquetRow(text[:0], names, batch, i); return nil })
		switch {
		case err != nil:
		case bad != nil:
			err = o.refuse(bad, text, int64(len(text)))
		default:
			err = o.add(text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parquetRow writes row i as a JSON object, nulls left out.
func (o *object) parquetRow(text []byte, names []string, batch arrow.RecordBatch, i int) ([]byte, *refusal) {
	var bad *refusal
	text = append(text, '{')
	for c, column := range batch.Columns() {
		if column.IsNull(i) {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, names[c]...)
		before := len(text)
		var err error
		if text, err = appendJSON(text, column, i); err == nil && len(text)-before > parquetCell {
			err = fmt.Errorf("is larger than %d MiB", parquetCell>>20)
		}
		if err != nil && bad == nil {
			bad = &refusal{field: o.d.apiName(batch.ColumnName(c)), reason: err.Error()}
		}
	}
	return append(text, '}'), bad
}

func (d *Dataset) apiName(column string) string {
	if i, ok := d.byName[column]; ok {
		return d.inputs[i].name
	}
	return column
}

func scaleOf(a arrow.Array) int32 { return a.DataType().(arrow.DecimalType).GetScale() }

var errNotUTF8 = errors.New("not valid UTF-8")

// appendJSON writes one value of a column as JSON. Decimals keep all their digits; a double is written with the fewest
// digits that give it back, which is what it was before somebody made a double of it; NaN is a text, and refused later.
func appendJSON(out []byte, column arrow.Array, i int) ([]byte, error) {
	if column.IsNull(i) {
		return append(out, "null"...), nil
	}
	switch a := column.(type) {
	case *array.String:
		return appendText(out, a.Value(i))
	case *array.LargeString:
		return appendText(out, a.Value(i))
	case *array.Binary:
		return appendText(out, a.ValueString(i))
	case *array.LargeBinary:
		return appendText(out, a.ValueString(i))
	case *array.Dictionary:
		return appendJSON(out, a.Dictionary(), a.GetValueIndex(i))
	case *array.Boolean:
		return strconv.AppendBool(out, a.Value(i)), nil
	case *array.Int8:
		return strconv.AppendInt(out, int64(a.Value(i)), 10), nil
	case *array.Int16:
		return strconv.AppendInt(out, int64(a.Value(i)), 10), nil
	case *array.Int32:
		return strconv.AppendInt(out, int64(a.Value(i)), 10), nil
	case *array.Int64:
		return strconv.AppendInt(out, a.Value(i), 10), nil
	case *array.Uint8:
		return strconv.AppendUint(out, uint64(a.Value(i)), 10), nil
	case *array.Uint16:
		return strconv.AppendUint(out, uint64(a.Value(i)), 10), nil
	case *array.Uint32:
		return strconv.AppendUint(out, uint64(a.Value(i)), 10), nil
	case *array.Uint64:
		return strconv.AppendUint(out, a.Value(i), 10), nil
	case *array.Float16:
		return appendFloat(out, float64(a.Value(i).Float32()), 32), nil
	case *array.Float32:
		return appendFloat(out, float64(a.Value(i)), 32), nil
	case *array.Float64:
		return appendFloat(out, a.Value(i), 64), nil
	case *array.Decimal32:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Decimal64:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Decimal128:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Decimal256:
		return append(out, a.Value(i).ToString(scaleOf(a))...), nil
	case *array.Timestamp:
		t := a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit)
		return t.UTC().AppendFormat(out, `"`+time.RFC3339Nano+`"`), nil
	case *array.Date32:
		return a.Value(i).ToTime().UTC().AppendFormat(out, `"`+time.DateOnly+`"`), nil
	case *array.Map:
		return appendMap(out, a, i)
	case array.ListLike:
		return appendList(out, a, i)
	case *array.Struct:
		return appendStruct(out, a, i)
	}
	return appendText(out, column.ValueStr(i))
}

func appendText(out []byte, text string) ([]byte, error) {
	out, err := jsontext.AppendQuote(out, text)
	if err != nil {
		return out, errNotUTF8
	}
	return out, nil
}

func appendFloat(out []byte, f float64, size int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.AppendQuote(out, strconv.FormatFloat(f, 'g', -1, size))
	}
	return strconv.AppendFloat(out, f, 'g', -1, size)
}

func appendList(out []byte, a array.ListLike, i int) ([]byte, error) {
	from, to := a.ValueOffsets(i)
	var first error
	out = append(out, '[')
	for j := from; j < to; j++ {
		if j > from {
			out = append(out, ',')
		}
		var err error
		if out, err = appendJSON(out, a.ListValues(), int(j)); err != nil && first == nil {
			first = err
		}
	}
	return append(out, ']'), first
}

func appendMap(out []byte, a *array.Map, i int) ([]byte, error) {
	from, to := a.ValueOffsets(i)
	var first error
	out = append(out, '{')
	for j := from; j < to; j++ {
		if j > from {
			out = append(out, ',')
		}
		var err error
		if out, err = appendText(out, a.Keys().ValueStr(int(j))); err != nil && first == nil {
			first = err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, a.Items(), int(j)); err != nil && first == nil {
			first = err
		}
	}
	return append(out, '}'), first
}

func appendStruct(out []byte, a *array.Struct, i int) ([]byte, error) {
	var first error
	out = append(out, '{')
	for j := range a.NumField() {
		if j > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendText(out, a.DataType().(*arrow.StructType).Field(j).Name); err != nil && first == nil {
			first = err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, a.Field(j), i); err != nil && first == nil {
			first = err
		}
	}
	return append(out, '}'), first
}

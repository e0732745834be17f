package silver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

const (
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
	err = o.parquetFile(w)
	switch {
	case w.err != nil:
		return w.err
	case w.bad != nil:
		return w.bad // the library's error would only say that reading failed
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

// watchedAt reads the payload for the Parquet library. It tells the payload's failures from those of the library, and holds
// what it reads to what the footer and the pages claim.
type watchedAt struct {
	r      io.ReaderAt
	size   int64
	pos    int64
	chunks chunks       // known once the footer has been read
	int96  map[int]bool // the columns whose times are of that type
	err    error        // of the payload
	bad    error        // what is wrong with the file
}

func (w *watchedAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > w.size {
		// The payload would fail like a store that is away, and the object would be tried again for ever.
		return 0, fmt.Errorf("byte %d of a file of %d", off, w.size)
	}
	n, err := w.r.ReadAt(p, off)
	if err != nil && err != io.EOF && w.err == nil {
		w.err = &ioError{err: err}
	}
	if bad := w.chunks.read(p[:n], off); bad != nil {
		w.bad = cmp.Or(w.bad, bad)
		return 0, bad
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
	var fields []pqarrow.SchemaField
	if err := careful(func() (err error) { rows, fields, err = o.openParquet(w); return err }); err != nil {
		return err
	}
	defer rows.Release()
	columns, err := o.parquetColumns(fields, w.int96)
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

// openParquet returns the rows, and the columns' fields.
func (o *object) openParquet(w *watchedAt) (pqarrow.RecordReader, []pqarrow.SchemaField, error) {
	meta, err := parquetFooterOf(w)
	if err != nil {
		return nil, nil, err
	}
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.MaxUncompressedPageSize = parquetPage
	f, err := file.NewParquetReader(w, file.WithReadProps(props), file.WithMetadata(meta))
	if err != nil {
		return nil, nil, unreadable("its Parquet cannot be opened: %v", err)
	}
	if err := o.src.Limits.rows(f.NumRows()); err != nil {
		return nil, nil, err
	}
	reading, err := o.parquetReading(f)
	if err != nil {
		return nil, nil, err
	}
	r, err := pqarrow.NewFileReader(f, reading, memory.DefaultAllocator)
	if err != nil {
		return nil, nil, unreadable("its Parquet schema cannot be read: %v", err)
	}
	if err := rehearse(f, r.Manifest.Fields); err != nil {
		return nil, nil, err
	}
	rows, err := r.GetRecordReader(o.ctx, nil, nil)
	if err != nil {
		return nil, nil, unreadable("its Parquet columns cannot be read: %v", err)
	}
	return rows, r.Manifest.Fields, nil
}

// parquetReading chooses how many rows are read at a time, and which columns stay dictionaries.
func (o *object) parquetReading(f *file.Reader) (pqarrow.ArrowReadProperties, error) {
	reading := pqarrow.ArrowReadProperties{BatchSize: parquetRows}
	var unpacked int64
	for i := range f.MetaData().Schema.NumColumns() {
		stored, err := storedBytes(f, i)
		if err != nil {
			return reading, err
		}
		unpacked += stored
		if err := o.src.Limits.unpacked(unpacked); err != nil {
			return reading, err
		}
		switch c := f.MetaData().Schema.Column(i); {
		case c.PhysicalType() == parquet.Types.FixedLenByteArray:
			reading.BatchSize = min(reading.BatchSize, max(1, int64(parquetDictionary/c.TypeLength())))
		case c.PhysicalType() != parquet.Types.ByteArray:
		// Texts stay in their dictionary: copied into each row, a few bytes of file could become gigabytes. But a column of
		// many texts would gather all of them in it: two million prices took 400 MB.
		case stored <= parquetDictionary:
			reading.SetReadDict(i, true)
		case largestChunk(f, i) > parquetDictionary:
			reading.BatchSize = min(reading.BatchSize, parquetTextRows)
		}
	}
	for _, g := range f.MetaData().RowGroups {
		for _, c := range g.Columns {
			if perRow := c.MetaData.NumValues / max(1, g.NumRows); perRow > 0 {
				reading.BatchSize = min(reading.BatchSize, max(1, parquetNested/perRow))
			}
		}
	}
	return reading, nil
}

// largestChunk is the most that a column has in one row group, unpacked: rows read at a time have no more.
func largestChunk(f *file.Reader, column int) (most int64) {
	for _, g := range f.MetaData().RowGroups {
		most = max(most, g.Columns[column].MetaData.TotalUncompressedSize)
	}
	return most
}

// rehearse opens the columns inside of structs and maps once, as the library is about to do in goroutines of its own. A
// file that makes it panic there would end the process; here it is caught.
func rehearse(f *file.Reader, fields []pqarrow.SchemaField) error {
	for _, field := range fields {
		if err := rehearse(f, field.Children); err != nil {
			return err
		}
		for _, leaf := range field.Children {
			if len(leaf.Children) > 0 || f.NumRowGroups() == 0 {
				continue
			}
			column := f.MetaData().Schema.Column(leaf.ColIndex)
			reader := file.NewRecordReader(column, leaf.LevelInfo, leaf.Field.Type, memory.DefaultAllocator, f.BufferPool())
			pages, err := f.RowGroup(0).GetColumnPageReader(leaf.ColIndex)
			if err == nil {
				err = reader.(file.RecordReaderWithError).SetPageReaderWithError(pages)
			}
			reader.Release()
			if err != nil {
				return unreadable("its Parquet column %s cannot be read: %v", quote([]byte(column.Path())), err)
			}
		}
	}
	return nil
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

// column is one of a file.
type column struct {
	quoted []byte // its name as JSON
	name   string // the same with a colon, ready for a JSON object
	shape  shape
	// from and to are where the value of the row being read is in its text; to is 0 where there is none.
	from, to int
}

// parquetColumns are those of the file. One at least has to be known.
func (o *object) parquetColumns(fields []pqarrow.SchemaField, int96 map[int]bool) ([]column, error) {
	columns := make([]column, len(fields))
	known := 0
	var names []string
	for i := range fields {
		name := fields[i].Field.Name
		input, ok := o.d.byName[name]
		if ok {
			known++
			o.d.inputsOf(input, func(n int) { o.inFile[o.d.columnOf(n)] = true })
		}
		quoted, utf8 := quoteJSON(name)
		if !utf8 {
			return nil, unreadable("its Parquet column %d has a name that is not UTF-8: %s", i, quote([]byte(name)))
		}
		columns[i] = column{quoted: quoted, name: string(quoted) + ":", shape: shapeOf(&fields[i], int96, ok)}
		names = append(names, name)
	}
	if known == 0 && o.each == nil {
		near := ""
		for i := range o.d.columns {
			if near == "" {
				near = o.d.columns[i].near(slices.Values(names))
			}
		}
		return nil, unreadable("none of its Parquet columns is known: %s%s; expected the fields of %s or the columns of silver.%s",
			quote([]byte(strings.Join(names, ", "))), near, o.d.Name, o.d.Table)
	}
	return columns, nil
}

func (o *object) parquetBatch(columns []column, batch arrow.RecordBatch) error {
	var text []byte
	for i := range int(batch.NumRows()) {
		var bad *refusal
		// A dictionary may be shorter than the rows that point into it say.
		err := careful(func() error { text, bad = o.parquetRow(text[:0], columns, batch, i); return nil })
		switch {
		case err != nil:
		case bad != nil && o.each != nil:
			o.noRow = cmp.Or(o.noRow, bad)
		case bad != nil:
			err = o.refuse(bad, text, int64(len(text)))
		case o.each != nil:
			o.next++
			err = o.each(text)
		default:
			err = o.addSplit(o.written(columns, text), text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// written files the values of a row's text by its columns: what was just written need not be taken apart.
func (o *object) written(columns []column, text []byte) *refusal {
	o.row.begin()
	for i := range columns {
		c := &columns[i]
		if c.to == 0 {
			continue
		}
		if ref := o.row.keep(c.quoted, text[c.from:c.to]); ref != nil {
			return ref
		}
	}
	return o.row.sortExtra()
}

// parquetRow writes row i as a JSON object, nulls left out.
func (o *object) parquetRow(text []byte, columns []column, batch arrow.RecordBatch, i int) ([]byte, *refusal) {
	var bad *refusal
	text = append(text, '{')
	for c, column := range batch.Columns() {
		columns[c].to = 0
		if _, none := column.(*array.Null); none || column.IsNull(i) {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, columns[c].name...)
		before := len(text)
		var err error
		if text, err = appendJSON(text, column, i, &columns[c].shape); err == nil && len(text)-before > parquetCell {
			err = fmt.Errorf("is larger than %d MiB", parquetCell>>20)
		}
		if err != nil && bad == nil {
			bad = &refusal{field: o.d.apiName(batch.ColumnName(c)), reason: err.Error()}
		}
		columns[c].from, columns[c].to = before, len(text)
	}
	return append(text, '}'), bad
}

func (d *Dataset) apiName(column string) string {
	if i, ok := d.byName[column]; ok && i >= 0 {
		return d.inputs[i].name
	}
	return column
}

// ParquetRows reads a Parquet file without a definition: each row as the JSON object that the decoder would make of it. The row
// is valid during the call. A row that the decoder would refuse is left out; if all are, the error says why.
func ParquetRows(ctx context.Context, p Payload, each func(row []byte) error) error {
	o := &object{ctx: ctx, d: &Dataset{}, payload: p, each: each}
	if err := o.parquet(); err != nil {
		return err
	}
	if o.next == 0 && o.noRow != nil {
		return unreadable("every row would be refused, the first for %s: %s", o.noRow.field, o.noRow.reason)
	}
	return nil
}

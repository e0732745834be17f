package silver

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
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
	chunks chunks // known once the footer has been read
	err    error  // of the payload
	bad    error  // what is wrong with the file
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
	meta, err := parquetFooterOf(w)
	if err != nil {
		return nil, err
	}
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.MaxUncompressedPageSize = parquetPage
	f, err := file.NewParquetReader(w, file.WithReadProps(props), file.WithMetadata(meta))
	if err != nil {
		return nil, unreadable("its Parquet cannot be opened: %v", err)
	}
	if err := o.src.Limits.rows(f.NumRows()); err != nil {
		return nil, err
	}
	reading, err := o.parquetReading(f)
	if err != nil {
		return nil, err
	}
	r, err := pqarrow.NewFileReader(f, reading, memory.DefaultAllocator)
	if err != nil {
		return nil, unreadable("its Parquet schema cannot be read: %v", err)
	}
	if err := rehearse(f, r.Manifest.Fields); err != nil {
		return nil, err
	}
	rows, err := r.GetRecordReader(o.ctx, nil, nil)
	if err != nil {
		return nil, unreadable("its Parquet columns cannot be read: %v", err)
	}
	return rows, nil
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
		default:
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

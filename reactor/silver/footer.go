package silver

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

const (
	parquetMagic, encryptedMagic = "PAR1", "PARE"
	// parquetTail is the length of the footer and the magic word, at the end of a file.
	parquetTail = 8
	// parquetFooter is the longest footer that is read: 16 MiB describe 100 columns in 1,000 row groups.
	parquetFooter = 16 << 20
	// parquetFixed is the longest value of a column of fixed bytes.
	parquetFixed = parquetCell
	// formatFixed is FIXED_LEN_BYTE_ARRAY in the format's own numbers, whose Go type no other module can name.
	formatFixed = 7
	// parquetUnpacked is the largest column in a row group, unpacked; many of them must not add up to a negative number.
	parquetUnpacked = 1 << 48
	// A value of a nested column takes some bits of file, unless it repeats the one before. Fewer values than these are
	// always read: they take some ten bytes each, and a cell of 1 MiB holds half as many.
	parquetNested, parquetNestedPerByte = 1 << 20, 1 << 10
)

// parquetFooterOf reads a file's footer, and holds what it claims to the file's size: the library allocates, seeks and
// counts by these claims, and does some of it in goroutines whose panics nobody can catch.
func parquetFooterOf(w *watchedAt) (*metadata.FileMetaData, error) {
	tail := make([]byte, parquetTail)
	if w.size < int64(len(parquetMagic)+parquetTail) {
		return nil, unreadable("its Parquet cannot be opened: a file of %d bytes has no footer", w.size)
	}
	if _, err := w.ReadAt(tail, w.size-parquetTail); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(tail))
	end := w.size - parquetTail // of the footer
	switch magic := string(tail[4:]); {
	case magic == encryptedMagic:
		return nil, unreadable("its Parquet cannot be opened: it is encrypted")
	case magic != parquetMagic:
		return nil, unreadable("its Parquet cannot be opened: it does not end in %s, it is truncated", parquetMagic)
	case size > end-int64(len(parquetMagic)):
		return nil, unreadable("its Parquet cannot be opened: it claims a footer of %d bytes in a file of %d", size, w.size)
	case size > parquetFooter:
		return nil, unreadable("its Parquet cannot be opened: its footer has %d bytes; at most %d are read", size, parquetFooter)
	}
	text := make([]byte, size)
	if _, err := w.ReadAt(text, end-size); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	whole := compact{text: text}
	if err := whole.skip(compactStruct, 0); err != nil {
		return nil, unreadable("its Parquet cannot be opened: its footer cannot be read: %v", err)
	}
	meta, err := metadata.NewFileMetaData(text, nil)
	if err != nil {
		return nil, unreadable("its Parquet cannot be opened: %v", err)
	}
	meta.SetSourceFileSize(w.size)
	// ARROW:schema is an Arrow message that the writer's program left for itself. Columns are read as Parquet describes
	// them: a changed letter in that message asked for more memory than the machine has.
	meta.FileMetaData.KeyValueMetadata = nil
	if w.chunks, err = claimedChunks(meta, end-size); err != nil {
		return nil, err
	}
	return w.plainInt96(meta)
}

// plainInt96 declares columns of INT96 as the 12 bytes that they are. The library reads them as nanoseconds in 64 bits, and
// fails at 9999-12-31, which is how many databases say "never": one such row took its whole object along.
func (w *watchedAt) plainInt96(meta *metadata.FileMetaData) (*metadata.FileMetaData, error) {
	w.int96 = map[int]bool{}
	for i := range meta.Schema.NumColumns() {
		if meta.Schema.Column(i).PhysicalType() == parquet.Types.Int96 {
			w.int96[i] = true
		}
	}
	if len(w.int96) == 0 {
		return meta, nil
	}
	size := int32(parquet.Int96SizeBytes)
	for _, e := range meta.FileMetaData.Schema {
		if e.Type != nil && int(*e.Type) == int(parquet.Types.Int96) {
			*e.Type = formatFixed
			e.TypeLength, e.ConvertedType, e.LogicalType = &size, nil, nil
		}
	}
	text, err := meta.Serialize(context.Background())
	if err != nil {
		return nil, unreadable("its Parquet times cannot be read: %v", err)
	}
	again, err := metadata.NewFileMetaData(text, nil)
	if err != nil {
		return nil, unreadable("its Parquet times cannot be read: %v", err)
	}
	again.SetSourceFileSize(w.size)
	return again, nil
}

// broken is a claim of the footer that cannot be.
func broken(format string, args ...any) error {
	return unreadable("its Parquet is broken: %s", fmt.Sprintf(format, args...))
}

// claimedChunks returns where the columns lie in a file whose footer begins at `footer`.
func claimedChunks(meta *metadata.FileMetaData, footer int64) (chunks, error) {
	if err := claimedSchema(meta); err != nil {
		return nil, err
	}
	var all chunks
	rows := int64(0)
	for g, group := range meta.RowGroups {
		if group.NumRows < 0 || group.NumRows > meta.NumRows-rows {
			return nil, broken("row group %d claims %d rows; %d of the file's %d are left", g, group.NumRows, meta.NumRows-rows, meta.NumRows)
		}
		rows += group.NumRows
		if len(group.Columns) != meta.Schema.NumColumns() {
			return nil, broken("row group %d has %d columns, the schema %d", g, len(group.Columns), meta.Schema.NumColumns())
		}
		for i := range group.Columns {
			claim, err := claimOf(meta, g, i)
			if err != nil {
				return nil, err
			}
			c, err := claim.chunk(footer)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	if rows != meta.NumRows {
		return nil, broken("it claims %d rows, its row groups %d", meta.NumRows, rows)
	}
	return all.apart()
}

// apart sorts the chunks and refuses those that overlap: one column would be read as another.
func (c chunks) apart() (chunks, error) {
	// Nothing is read of a row group without rows, and pyarrow lets all of its columns begin at one byte.
	c = slices.DeleteFunc(c, func(c *chunk) bool { return c.start == c.end || c.values == 0 })
	slices.SortFunc(c, func(a, b *chunk) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(c); i++ {
		if before := c[i-1]; before.end > c[i].start {
			return nil, broken("the columns %s and %s claim the same bytes", quote([]byte(before.column)), quote([]byte(c[i].column)))
		}
	}
	return c, nil
}

// claimedSchema refuses columns whose values nobody could hold.
func claimedSchema(meta *metadata.FileMetaData) error {
	for i := range meta.Schema.NumColumns() {
		c := meta.Schema.Column(i)
		depth := strings.Count(c.Path(), ".") + 1
		switch {
		case depth > maxDepth:
			return broken("column %d is nested %d levels deep: at most %d are kept", i, depth, maxDepth)
		case c.PhysicalType() == parquet.Types.FixedLenByteArray && (c.TypeLength() <= 0 || c.TypeLength() > parquetFixed):
			return broken("the values of %s claim to have %d bytes", quote([]byte(c.Path())), c.TypeLength())
		}
	}
	return nil
}

// claim is what the footer says of one column in one row group.
type claim struct {
	column             *schema.Column
	rows, values       int64
	offset, dictionary int64 // of the first data page, of the dictionary or 0
	packed, unpacked   int64
}

func claimOf(meta *metadata.FileMetaData, group, i int) (*claim, error) {
	c := &claim{column: meta.Schema.Column(i), rows: meta.RowGroups[group].NumRows}
	chunk := meta.RowGroups[group].Columns[i]
	if chunk == nil || chunk.MetaData == nil {
		return nil, broken("row group %d does not say where %s is", group, quote([]byte(c.column.Path())))
	}
	if chunk.CryptoMetadata != nil {
		return nil, unreadable("its Parquet cannot be opened: %s is encrypted", quote([]byte(c.column.Path())))
	}
	m := chunk.MetaData
	c.values, c.packed, c.unpacked = m.NumValues, m.TotalCompressedSize, m.TotalUncompressedSize
	c.offset, c.dictionary = m.DataPageOffset, m.GetDictionaryPageOffset()
	return c, nil
}

// chunk holds the claim to a file whose columns end at `footer`.
func (c *claim) chunk(footer int64) (*chunk, error) {
	name := c.column.Path()
	start := c.offset
	if c.dictionary > 0 && c.dictionary < start {
		start = c.dictionary
	}
	switch first := int64(len(parquetMagic)); {
	case c.packed < 0 || c.unpacked < 0 || c.unpacked > parquetUnpacked || c.dictionary < 0:
		return nil, broken("%s claims %d bytes, %d unpacked, with a dictionary at %d", quote([]byte(name)), c.packed, c.unpacked, c.dictionary)
	case c.rows > 0 && (start < first || start > footer):
		return nil, broken("%s claims to begin at byte %d; columns lie between %d and %d", quote([]byte(name)), start, first, footer)
	case c.packed > footer-max(start, 0):
		return nil, broken("%s claims %d bytes from %d; columns end at %d", quote([]byte(name)), c.packed, start, footer)
	case c.column.MaxRepetitionLevel() == 0 && c.values != c.rows:
		return nil, broken("%s claims %d values in %d rows", quote([]byte(name)), c.values, c.rows)
	case c.values < 0 || c.values > parquetNested+c.rows && (c.values-c.rows)/parquetNestedPerByte > c.unpacked:
		return nil, broken("%s claims %d values in %d rows and %d bytes", quote([]byte(name)), c.values, c.rows, c.unpacked)
	}
	return &chunk{column: name, start: start, end: start + c.packed, values: c.values}, nil
}

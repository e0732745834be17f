package silver

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	maxBatchRows = 8192
	// maxBatchBytes bounds a batch of few but huge rows: Arrow's string offsets end at 2 GiB, and memory long before.
	maxBatchBytes = 8 << 20
)

// cell is one value on its way from a payload to a column.
type cell struct {
	set    bool
	text   []byte
	number decimal128.Num
	// whole is an Integer, a Long, a Boolean, a Time in microseconds since 1970, or a Date in days.
	whole   int64
	real    float64
	lists   []textList
	*inside // of a List, a Map or a Struct; nil for all others
}

// inside is what a nested value has: its elements, and the names of a map.
type inside struct {
	items []cell
	names []string
}

type textList struct {
	name   string
	values []string
}

// batches collects an object's rows, good and refused, and hands them on.
type batches struct {
	ctx  context.Context
	sink Sink
	d    *Dataset
	src  Source
	// modified and day are the lineage columns in Arrow's terms.
	modified arrow.Timestamp
	day      arrow.Date32

	rows, rejected *array.RecordBuilder
	bytes, lost    int
}

func newBatches(ctx context.Context, d *Dataset, src Source, sink Sink) *batches {
	return &batches{
		ctx: ctx, sink: sink, d: d, src: src,
		modified: arrow.Timestamp(src.ModifiedAt.UnixMicro()),
		day:      arrow.Date32(src.day().Unix()),
	}
}

func (b *batches) release() {
	if b.rows != nil {
		b.rows.Release()
	}
	if b.rejected != nil {
		b.rejected.Release()
	}
}

// add takes a good row; extra is empty or a JSON object.
func (b *batches) add(row int64, cells []cell, extra []byte) error {
	if b.rows == nil {
		b.rows = array.NewRecordBuilder(memory.DefaultAllocator, b.d.ArrowSchema())
	}
	fields := b.rows.Fields()
	base := len(b.d.Fields)
	for i := range cells {
		at := i
		if i >= base {
			at += len(lineage) + 1
		}
		b.bytes += appendCell(fields[at], b.d.types[i], &b.d.columns[i], &cells[i])
	}
	b.lineage(fields[base:], row)
	if e := fields[base+len(lineage)].(*array.StringBuilder); len(extra) == 0 {
		e.AppendNull()
	} else {
		e.BinaryBuilder.Append(extra)
	}
	b.bytes += len(extra) + len(b.src.Key) + len(b.src.Version)
	if fields[base].Len() == maxBatchRows || b.bytes >= maxBatchBytes {
		return b.flushRows()
	}
	return nil
}

func (b *batches) lineage(fields []array.Builder, row int64) {
	fields[0].(*array.StringBuilder).Append(b.src.Key)
	fields[1].(*array.StringBuilder).Append(b.src.Version)
	fields[2].(*array.Int64Builder).Append(row)
	fields[3].(*array.TimestampBuilder).Append(b.modified)
	fields[4].(*array.Date32Builder).Append(b.day)
}

// reject takes a refused row; size is that of the whole row, of which raw may be the beginning only.
func (b *batches) reject(row int64, r *refusal, raw []byte, size int64) error {
	if b.rejected == nil {
		b.rejected = array.NewRecordBuilder(memory.DefaultAllocator, RejectedArrowSchema())
	}
	fields := b.rejected.Fields()
	fields[0].(*array.StringBuilder).Append(b.d.Name)
	b.lineage(fields[1:], row)
	at := 1 + len(lineage)
	if r.field == "" {
		fields[at].AppendNull()
	} else {
		fields[at].(*array.StringBuilder).Append(clean([]byte(r.field)))
	}
	fields[at+1].(*array.StringBuilder).Append(clean([]byte(r.reason)))
	text := rawText(raw, size)
	fields[at+2].(*array.StringBuilder).Append(text)
	b.lost += len(text) + len(b.src.Key)
	if fields[0].Len() == maxBatchRows || b.lost >= maxBatchBytes {
		return b.flushRejected()
	}
	return nil
}

func (b *batches) flush() error {
	if b.rows != nil && b.rows.Field(0).Len() > 0 {
		if err := b.flushRows(); err != nil {
			return err
		}
	}
	if b.rejected != nil && b.rejected.Field(0).Len() > 0 {
		return b.flushRejected()
	}
	return nil
}

func (b *batches) flushRows() error {
	b.bytes = 0
	full := b.rows.Field(0).Len() == maxBatchRows
	texts := textBytes(b.rows)
	err := b.hand(b.rows, b.sink.Rows)
	if full {
		b.reserve(texts)
	}
	return err
}

// reserve makes room for as many rows as the batch before had: columns that grow as they fill are copied several times.
func (b *batches) reserve(texts []int) {
	b.rows.Reserve(maxBatchRows)
	for i, f := range b.rows.Fields() {
		if s, ok := f.(*array.StringBuilder); ok {
			s.ReserveData(texts[i] + texts[i]/8)
		}
	}
}

// textBytes are the bytes that columns of texts have, by column.
func textBytes(b *array.RecordBuilder) []int {
	n := make([]int, len(b.Fields()))
	for i, f := range b.Fields() {
		if s, ok := f.(*array.StringBuilder); ok {
			n[i] = s.DataLen()
		}
	}
	return n
}

func (b *batches) flushRejected() error {
	b.lost = 0
	return b.hand(b.rejected, b.sink.Rejected)
}

func (b *batches) hand(builder *array.RecordBuilder, sink func(arrow.RecordBatch) error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	batch := builder.NewRecordBatch()
	defer batch.Release()
	return sink(batch)
}

// appendCell returns about how many bytes of variable length it added.
func appendCell(b array.Builder, t Type, f *Field, c *cell) int {
	if !c.set {
		b.AppendNull()
		return 0
	}
	switch t {
	case Text, JSON:
		b.(*array.StringBuilder).BinaryBuilder.Append(c.text)
		return len(c.text)
	case Integer:
		b.(*array.Int32Builder).Append(int32(c.whole))
	case Long:
		b.(*array.Int64Builder).Append(c.whole)
	case Decimal:
		b.(*array.Decimal128Builder).Append(c.number)
	case Time:
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(c.whole))
	case Double:
		b.(*array.Float64Builder).Append(c.real)
	case Boolean:
		b.(*array.BooleanBuilder).Append(c.whole == 1)
	case Date:
		b.(*array.Date32Builder).Append(arrow.Date32(c.whole))
	case TextLists:
		return appendLists(b.(*array.MapBuilder), c.lists)
	default:
		return appendNested(b, f, c)
	}
	return 0
}

// appendNested returns about how many bytes it added: a value without a length of its own counts as eight.
func appendNested(b array.Builder, f *Field, c *cell) (n int) {
	switch b := b.(type) {
	case *array.ListBuilder:
		b.Append(true)
		for i := range c.items {
			n += 8 + appendCell(b.ValueBuilder(), f.Inner[0].Type, &f.Inner[0], &c.items[i])
		}
	case *array.MapBuilder:
		b.Append(true)
		keys := b.KeyBuilder().(*array.StringBuilder)
		for i := range c.items {
			keys.Append(c.names[i])
			n += 8 + len(c.names[i]) + appendCell(b.ItemBuilder(), f.Inner[0].Type, &f.Inner[0], &c.items[i])
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range c.items {
			n += 8 + appendCell(b.FieldBuilder(i), f.Inner[i].Type, &f.Inner[i], &c.items[i])
		}
	default:
		panic(fmt.Sprintf("silver: no builder for %s", f.Type))
	}
	return n
}

func appendLists(b *array.MapBuilder, lists []textList) int {
	b.Append(true)
	keys := b.KeyBuilder().(*array.StringBuilder)
	items := b.ItemBuilder().(*array.ListBuilder)
	values := items.ValueBuilder().(*array.StringBuilder)
	n := 0
	for _, l := range lists {
		keys.Append(l.name)
		items.Append(true)
		n += len(l.name)
		for _, v := range l.values {
			values.Append(v)
			n += len(v) + 4
		}
	}
	return n
}

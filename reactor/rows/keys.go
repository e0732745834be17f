package rows

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"millrace/reactor/duck"
)

const (
	// keyColumn says which object a row of silver came from. All rows of an object repeat some 80 bytes, and to store them took DuckDB longer
	// than all other columns that gold reads (1.65 of 3.1 s of CPU time for two million rows). So rows in some columns have a number in keyNumber
	// instead, if many of them share a key.
	keyColumn = "source_key"
	keyNumber = "_source_key"
	// maxKeys bounds the keys that have numbers. sharedRows is how many rows of a batch must share a new one.
	maxKeys    = 4096
	sharedRows = 64
)

// keyed tells whether rows may have numbers in place of keys.
func (k *cached) keyed() bool { return slices.Contains(k.columns, keyColumn) }

// keyTable has the keys and their numbers.
func (k *cached) keyTable() string { return k.name + "_keys" }

// createKeys makes the table of keys, and the column of their numbers.
func (k *cached) createKeys(ctx context.Context, conn *duck.Conn) error {
	k.keys = map[string]int32{}
	return conn.Exec(ctx, fmt.Sprintf("create or replace table %[1]s (%[3]s integer, %[4]s varchar); alter table %[2]s add column %[3]s integer", k.keyTable(), k.name, keyNumber, keyColumn))
}

// all is what to select all rows from, with their keys.
func (k *cached) all() string {
	if !k.keyed() {
		return k.name
	}
	return fmt.Sprintf("(select r.* exclude (%[1]s) replace (coalesce(k.%[2]s, r.%[2]s) as %[2]s) from %[3]s as r left join (select %[1]s as number, %[2]s from %[4]s) as k on k.number = r.%[1]s)",
		keyNumber, keyColumn, k.name, k.keyTable())
}

// insert puts a batch in, with numbers in place of keys if many rows share them.
func (k *cached) insert(ctx context.Context, conn *duck.Conn, b arrow.RecordBatch) error {
	if k.keyed() {
		numbered, err := k.withNumbers(ctx, conn, b)
		if err != nil {
			return err
		}
		defer numbered.Release()
		b = numbered
	}
	if err := conn.Insert(ctx, k.name, b.Schema(), b); err != nil {
		return err
	}
	k.rows += b.NumRows()
	k.loose += b.NumRows()
	return nil
}

// withNumbers returns the batch with the numbers of its keys in place of the keys, or as it was.
func (k *cached) withNumbers(ctx context.Context, conn *duck.Conn, b arrow.RecordBatch) (arrow.RecordBatch, error) {
	b.Retain()
	at := b.Schema().FieldIndices(keyColumn)[0]
	texts, ok := b.Column(at).(*array.String)
	if !ok || texts.NullN() > 0 {
		return b, nil
	}
	fresh, found := k.newKeys(texts)
	if !found {
		return b, nil
	}
	if err := k.addKeys(ctx, conn, fresh); err != nil {
		b.Release()
		return nil, err
	}
	defer b.Release()
	numbers := array.NewInt32Builder(memory.DefaultAllocator)
	defer numbers.Release()
	numbers.Reserve(texts.Len())
	for key, rows := range runs(texts) {
		number := k.keys[key]
		for range rows {
			numbers.UnsafeAppend(number)
		}
	}
	column := numbers.NewArray()
	defer column.Release()
	columns, fields := slices.Clone(b.Columns()), slices.Clone(b.Schema().Fields())
	columns[at], fields[at] = column, arrow.Field{Name: keyNumber, Type: arrow.PrimitiveTypes.Int32}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows()), nil
}

// newKeys gives numbers to the keys that have none. ok is false if they are too many for the rows that share them, or for the table.
func (k *cached) newKeys(texts *array.String) (fresh map[string]int32, ok bool) {
	fresh = map[string]int32{}
	for key := range runs(texts) {
		_, known := k.keys[key]
		if _, seen := fresh[key]; known || seen {
			continue
		}
		fresh[strings.Clone(key)] = int32(len(k.keys) + len(fresh))
		if len(fresh)*sharedRows > texts.Len() || len(k.keys)+len(fresh) > maxKeys {
			return nil, false
		}
	}
	return fresh, true
}

// runs yields each text once for the rows in a row that have it, and how many they are.
func runs(texts *array.String) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for i := 0; i < texts.Len(); {
			text, first := texts.Value(i), i
			for i < texts.Len() && texts.Value(i) == text {
				i++
			}
			if !yield(text, i-first) {
				return
			}
		}
	}
}

// addKeys stores keys with their numbers.
func (k *cached) addKeys(ctx context.Context, conn *duck.Conn, fresh map[string]int32) error {
	if len(fresh) == 0 {
		return nil
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: keyNumber, Type: arrow.PrimitiveTypes.Int32}, {Name: keyColumn, Type: arrow.BinaryTypes.String}}, nil)
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rows.Release()
	for key, number := range fresh {
		rows.Field(0).(*array.Int32Builder).Append(number)
		rows.Field(1).(*array.StringBuilder).Append(key)
	}
	b := rows.NewRecordBatch()
	defer b.Release()
	if err := conn.Insert(ctx, k.keyTable(), schema, b); err != nil {
		return err
	}
	maps.Copy(k.keys, fresh)
	return nil
}

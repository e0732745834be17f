package rows

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// fillRows bounds the rows of one Fill whose rows the next step may not read. It covers commits that somebody waits for.
const fillRows = 10_000

// Query returns the rows that a commit wrote, with the columns of the table and in any order.
type Query struct {
	Conn *duck.Conn // still has the tables that the query reads
	SQL  string
	// Column is the time that partitions the rows; "" if all rows are in one file.
	Column string
	// Awaited tells that the next step reads all of the rows. Then Fill takes them however many they are: to decode them from their
	// files costs ten times as much.
	Awaited bool
}

// Fill caches the rows of files that a commit has just written. It takes them from the query that made them, because decoding the
// files again would be wasteful. The files are those that came after a snapshot of t (nil: all). If the query does not return as
// many rows as the files have, Fill fails and caches nothing.
func (c *Cache) Fill(ctx context.Context, t *lake.Table, since *table.Snapshot, q Query) error {
	files, _, err := c.lake.Diff(ctx, t, since, t.Snapshot())
	if err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	k := c.of(t, nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	first, last, rows, ok := k.fillable(files)
	if !ok || rows > fillRows && !q.Awaited {
		return nil
	}
	if err := k.create(ctx, q.Conn, t); err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	base := k.next + 1
	k.next += int64(last.Number - first.Number + 1) // even a failure uses up these numbers
	number := fmt.Sprint(base)
	if len(files) > 1 {
		number += fmt.Sprintf(" + %s - %d", first.SQL(q.Column), first.Number)
	}
	if err := k.pour(ctx, q, number, rows); err != nil {
		return fmt.Errorf("fill in rows of %s: %w", t.Name, err)
	}
	k.clock++
	for _, f := range files {
		slot, _ := f.Slot()
		k.files[f.ID()] = &entry{number: base + int64(slot.Number-first.Number), rows: f.Rows(), used: k.clock}
	}
	k.rows += rows
	if rows <= fillRows {
		return nil
	}
	k.loose = max(k.loose+rows, looseRows) // compress them, or the models spill them: a rebuild of ten years lacked memory now and then
	return k.compress(ctx, q.Conn)
}

// pour inserts the query's rows. If they are not as many as expected none stays: a row whose slot is none of the files' would get the
// number of another file, whose rows a query would then see twice.
func (k *cached) pour(ctx context.Context, q Query, number string, want int64) error {
	return q.Conn.Together(ctx, func() error {
		inserted, err := q.Conn.Ints(ctx, fmt.Sprintf("insert into %s by name select %s as %s, * from (%s)", k.name, number, FileColumn, q.SQL))
		if err == nil && inserted[0] != want {
			err = fmt.Errorf("the query gives %d rows, the files have %d", inserted[0], want)
		}
		return err
	})
}

// fillable returns the first and the last slot of files, and the number of their rows. ok is false if the cache has one of
// the files, or if the slot of a row does not tell which of several files it is in.
func (k *cached) fillable(files []lake.File) (first, last lake.Slot, rows int64, ok bool) {
	numbers := map[int]bool{}
	for i, f := range files {
		slot, known := f.Slot()
		if i == 0 {
			first, last = slot, slot
		}
		if _, held := k.files[f.ID()]; held || f.Deletes() || len(files) > 1 && (!known || !slot.Beside(first) || numbers[slot.Number]) {
			return first, last, 0, false
		}
		numbers[slot.Number] = true
		if slot.Number < first.Number {
			first = slot
		}
		if slot.Number > last.Number {
			last = slot
		}
		rows += f.Rows()
	}
	return first, last, rows, len(files) > 0
}

package promote

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
)

// sortedRows yields one batch, or what fails, as the n-th query for them does.
func sortedRows(queries *int, nth func(n int, yield func(arrow.RecordBatch, error) bool)) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		*queries++
		nth(*queries, yield)
	}
}

func TestASortThatFindsNoMemoryComesAgainWhenTheModelsAreDone(t *testing.T) {
	lacks := &duck.Error{Message: "Out of Memory Error: none is left"}
	wrong := errors.New("another")
	rows := array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 3)
	for _, c := range []struct {
		name          string
		nth           func(n int, yield func(arrow.RecordBatch, error) bool)
		queries, calm int
		rows          int64
		err           error
	}{
		{"at first", func(n int, yield func(arrow.RecordBatch, error) bool) {
			if n == 1 {
				yield(nil, lacks)
				return
			}
			yield(rows, nil)
		}, 2, 1, 3, nil},
		{"both times", func(_ int, yield func(arrow.RecordBatch, error) bool) { yield(nil, lacks) }, 2, 1, 0, lacks},
		{"between two batches", func(_ int, yield func(arrow.RecordBatch, error) bool) { _ = yield(rows, nil) && yield(nil, lacks) }, 1, 0, 3, lacks},
		{"never", func(_ int, yield func(arrow.RecordBatch, error) bool) { yield(rows, nil) }, 1, 0, 3, nil},
		{"another error", func(_ int, yield func(arrow.RecordBatch, error) bool) { yield(nil, wrong) }, 1, 0, 0, wrong},
	} {
		queries, calm, n := 0, 0, int64(0)
		w := &work{set: &gold.Set{Calm: func(context.Context) error { calm++; return nil }}, sorting: make(chan struct{}, sortedAtOnce)}
		var err error
		for b, failed := range w.inTurn(t.Context(), sortedRows(&queries, c.nth)) {
			if err = failed; b != nil {
				n += b.NumRows()
			}
		}
		if queries != c.queries || calm != c.calm || n != c.rows || !errors.Is(err, c.err) || len(w.sorting) != 0 {
			t.Errorf("%s: %d queries, %d waits, %d rows, %v, %d turns left; want %d, %d, %d, %v, 0", c.name, queries, calm, n, err, len(w.sorting), c.queries, c.calm, c.rows, c.err)
		}
	}
}

func TestTwoTablesAreSortedAtATime(t *testing.T) {
	w := &work{set: &gold.Set{}, sorting: make(chan struct{}, sortedAtOnce)}
	var mu sync.Mutex
	now, most, begun := 0, 0, make(chan struct{}, 5)
	change := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		now += by
		most = max(most, now)
	}
	proceed := make(chan struct{})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			for _, err := range w.inTurn(t.Context(), func(yield func(arrow.RecordBatch, error) bool) {
				change(1)
				begun <- struct{}{}
				<-proceed
				change(-1)
				yield(nil, nil)
			}) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range sortedAtOnce {
		<-begun
	}
	close(proceed)
	all.Wait()
	if most != sortedAtOnce {
		t.Errorf("%d tables were sorted at once, want %d", most, sortedAtOnce)
	}
}

package promote

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"millrace/reactor/duck"
)

// manyDays is from how many days on a step has a few of its tables sorted at a time. Steps that somebody waits for write fewer.
const manyDays = 92

// sortedAtOnce is how many tables a step of many days sorts side by side: one for each of two cores.
const sortedAtOnce = 2

// inTurn yields the rows of a table that DuckDB sorts, while it sorts at most one other of the step. Ten years of twenty coins take 22 MB to
// sort, beside the models, which take 60; four tables at once were more memory than there is in two of eleven rebuilds, and the step began
// anew. Where it is not enough even so, the rows come when the models are done.
func (w *work) inTurn(ctx context.Context, sorted iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		w.sorting <- struct{}{}
		defer func() { <-w.sorting }()
		begun, again := false, false
		for b, err := range sorted {
			if again = !begun && duck.OutOfMemory(err); again {
				break
			}
			if begun = true; !yield(b, err) {
				return
			}
		}
		if !again {
			return
		}
		if err := w.set.Calm(ctx); err != nil {
			yield(nil, err)
			return
		}
		sorted(yield)
	}
}

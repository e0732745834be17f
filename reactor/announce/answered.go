package announce

import (
	"context"
	"strings"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// Answered tells, by the ledger, whether the event of a dead letter is obsolete: its object or a newer version of it is in
// silver by now, or its version was deleted; or, for an event of silver's metadata, gold has caught up with silver since.
func Answered(l *lake.Lake) func(context.Context, event.Object) (bool, error) {
	return func(ctx context.Context, o event.Object) (bool, error) {
		if strings.HasPrefix(o.Key, "silver/") {
			view, err := l.View(ctx)
			return err == nil && view.Current(), err
		}
		entries, err := l.EntriesOf(ctx, o.Key)
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			if e.Outcome == lake.OutcomeDone && !e.ModifiedAt.Before(o.ModifiedAt) || e.Outcome == lake.OutcomeRemoved && e.SourceVersion == o.Version {
				return true, nil
			}
		}
		return false, nil
	}
}

package main

import (
	"context"
	"strings"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// void tells whether the event of a dead letter needs nobody any more: its object is in silver by now, or a newer version of
// it is; or, for an event of silver's, gold has caught up with silver since.
func void(l *lake.Lake) func(context.Context, event.Object) (bool, error) {
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
			if e.Outcome == lake.OutcomeDone && !e.ModifiedAt.Before(o.ModifiedAt) {
				return true, nil
			}
		}
		return false, nil
	}
}

package announce

import (
	"cmp"
	"context"
	"strings"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// Answered returns a function that tells whether a dead letter is obsolete. A bronze object's is obsolete if the ledger says that the
// object or a newer version is in silver, or that the version was deleted. A silver metadata file's is obsolete if gold has caught
// up with silver.
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
			// Two versions may be of one moment: S3's times have no more than seconds. Then the greater version is the newer, as in the tables.
			notOlder := cmp.Or(e.ModifiedAt.Compare(o.ModifiedAt), cmp.Compare(e.SourceVersion, o.Version)) >= 0
			if e.Outcome == lake.OutcomeDone && notOlder || e.Outcome == lake.OutcomeRemoved && e.SourceVersion == o.Version {
				return true, nil
			}
		}
		return false, nil
	}
}

package promote

import (
	"context"
	"slices"
	"strings"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// A rollback brings back the rows of versions that were deleted since. Bronze does not have them, so the removals are done
// again: before anything else is committed to the table, at the start, and when gold hears of the rollback.

// removeAtOnce is how many removals that a rollback took back are done again in one commit.
const removeAtOnce = 256

// RemoveAgain mends what another engine or a rollback did to silver's tables: it adds columns of ours that are gone, and takes the
// rows of deleted versions out of a table that was rolled back. It does nothing while the promoter works on a batch, which does the
// same.
func (s *Silver) RemoveAgain(ctx context.Context) error {
	if !s.busy.TryLock() {
		return nil
	}
	defer s.busy.Unlock()
	view, err := s.cfg.Lake.View(ctx)
	if err != nil {
		return err
	}
	_, err = s.removeAgain(ctx, view)
	return err
}

// removeAgain adds lost columns, does the removals again that the view does not show any more, and returns the view after that.
func (s *Silver) removeAgain(ctx context.Context, view *lake.View) (*lake.View, error) {
	own, err := view.Table(s.rows.table)
	if err != nil {
		return nil, err
	}
	refused, err := view.Table(s.refused.table)
	if err != nil {
		return nil, err
	}
	if now := [2]string{own.Location, refused.Location}; s.shown == now {
		return view, nil // as this promoter left them
	}
	if err := s.grow(ctx, false); err != nil {
		return nil, err
	}
	if err := s.outdateAgain(ctx); err != nil {
		return nil, err
	}
	if view, err = s.cfg.Lake.View(ctx); err != nil {
		return nil, err
	}
	if own, err = view.Table(s.rows.table); err != nil {
		return nil, err
	}
	undone, err := s.cfg.Lake.Undone(ctx, own)
	if err != nil {
		return nil, err
	}
	if len(undone) > 0 {
		s.cfg.Log.Warn("a rollback brought rows of deleted object versions back; they are taken out again", "table", own.Name, "removals", len(undone), "first", undone[0].SourceKey)
		for some := range slices.Chunk(removals(own, undone), removeAtOnce) {
			for _, err := range s.remove(ctx, some) {
				if err != nil {
					return nil, err
				}
			}
		}
		if view, err = s.cfg.Lake.View(ctx); err != nil {
			return nil, err
		}
	}
	s.remember(view)
	return view, nil
}

// Left tells whether an event is of the metadata that the promoter itself left last: then there is nothing to mend.
func (s *Silver) Left(o event.Object) bool {
	if !s.busy.TryLock() {
		return false
	}
	defer s.busy.Unlock()
	return slices.ContainsFunc(s.shown[:], func(location string) bool { return strings.HasSuffix(location, "/"+o.Key) })
}

// remember notes the tables in which no removal is undone. A rollback makes other metadata the current one.
func (s *Silver) remember(view *lake.View) {
	s.shown = [2]string{}
	if own, refused := view.Tables[s.rows.table], view.Tables[s.refused.table]; own != nil && refused != nil {
		s.shown = [2]string{own.Location, refused.Location}
	}
}

// rememberCommit is remember after a commit of the promoter's own.
func (s *Silver) rememberCommit(next []*lake.Table) {
	for _, t := range next {
		switch t.Name {
		case s.rows.table:
			s.shown[0] = t.Location
		case s.refused.table:
			s.shown[1] = t.Location
		}
	}
}

// removals are the events that tell of deleted versions, each version once.
func removals(t *lake.Table, entries []lake.Entry) []event.Delivery {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(t.Location, "s3://"), "/")
	seen := map[[2]string]bool{}
	var batch []event.Delivery
	for _, e := range entries {
		version := [2]string{e.SourceKey, e.SourceVersion}
		if seen[version] {
			continue
		}
		seen[version] = true
		o := event.Object{Bucket: bucket, Key: e.SourceKey, Version: e.SourceVersion, ModifiedAt: e.ModifiedAt, Removed: true}
		batch = append(batch, event.Delivery{Object: o, Attempt: 1})
	}
	return batch
}

// letGo says, with a rollback of the table of refused rows, that its removals are undone. It has no entries of its own in the
// ledger: those of the datasets' tables stand for it.
func letGo(t *lake.Table) func(context.Context, *lake.Tx) error {
	if t.Name != tables.Rejected {
		return nil
	}
	return func(ctx context.Context, tx *lake.Tx) error { return tx.LetGoOfRemovals(ctx) }
}

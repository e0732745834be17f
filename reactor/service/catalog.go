package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/reactor/namespace"

	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// recover has tables made anew when the catalog is older than they are, or lacks some of them, and says so.
func (s *Service) recover(ctx context.Context) error {
	r, err := s.cfg.Lake.Foresee(ctx, tables.All(s.cfg.Models)...)
	if err == nil && slices.ContainsFunc(r.Tables, namespace.Silver.Has) {
		err = s.refuseLoss(ctx)
	}
	if err == nil {
		err = s.cfg.Lake.Recover(ctx, r)
	}
	switch {
	case err != nil:
		return fmt.Errorf("compare the catalog with the object storage: %w", err)
	case r.Whole:
		s.cfg.Log.Warn("the catalog is older than the lake: it was deleted, or restored from an earlier copy. All tables are rebuilt from bronze; their earlier snapshots are gone", "because", r.Because)
	case len(r.Tables) > 0:
		s.cfg.Log.Warn("tables were dropped or renamed: they are made anew, the others stay as they are", "tables", r.Tables, "because", r.Because)
	}
	return nil
}

// watchCatalog ends the reactor when the catalog's file is another one than it has open, when it cannot be read, or when it does not
// name one of the tables any more: its next start recovers. A step of gold without one of its tables would fail until then.
func (s *Service) watchCatalog(ctx context.Context) error {
	all := tables.All(s.cfg.Models)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.cfg.Lake.Replaced(); err != nil {
			return err
		}
		switch missing, err := s.cfg.Lake.Missing(ctx, all...); {
		case lake.Unreadable(err):
			return err
		case err == nil && len(missing) > 0:
			return fmt.Errorf("another program dropped or renamed %s: the next start of the reactor makes it anew, and leaves the other tables as they are", strings.Join(missing, ", "))
		}
	}
}

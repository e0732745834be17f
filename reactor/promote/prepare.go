package promote

import (
	"context"
	"strings"

	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// Prepare makes the promoter's tables, and adds columns to tables of an earlier release whose definition has more now. Existing
// rows have null in these columns until a replay brings values.
func (s *Silver) Prepare(ctx context.Context) error {
	if err := s.cfg.Lake.Create(ctx, s.Tables()...); err != nil {
		return err
	}
	if err := s.cfg.Metrics.retry().Do(ctx, func() error { return s.grow(ctx) }); err != nil {
		return err
	}
	if err := s.RemoveAgain(ctx); err != nil {
		return err
	}
	return s.recallDrift(ctx)
}

// grow adds the columns that the tables lack, also those that another engine took away.
func (s *Silver) grow(ctx context.Context) error {
	view, err := s.cfg.Lake.OwnView(ctx)
	if err != nil {
		return err
	}
	var changes []lake.Change
	for _, d := range s.Tables() {
		t, err := view.Table(d.Name)
		if err != nil {
			return err
		}
		growth, err := tables.Grow(t.Meta, d)
		if err != nil {
			return err
		}
		if growth.Schema == nil {
			continue
		}
		lacking := growth.Added
		set := lostProperties(t, lacking, s.cfg.now())
		if set != nil {
			if err := needed(d, lacking); err != nil {
				return err
			}
			s.cfg.Log.Warn("another engine dropped or renamed columns; they are added again, null until a replay", "table", d.Name, "columns", strings.Join(namesOf(lacking), ", "))
		}
		s.cfg.Log.Info("changing the columns of a table", "table", d.Name, "added", len(lacking), "renamed", len(growth.Renamed), "widened", len(growth.Widened))
		changes = append(changes, lake.Change{Base: t, Evolve: growth.Schema, Properties: set})
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = s.cfg.Lake.Commit(ctx, changes, nil)
	return err
}

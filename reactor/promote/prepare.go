package promote

import (
	"context"
	"fmt"
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
		lacking, err := tables.Lacking(t.Meta, d)
		if err != nil {
			return err
		}
		if len(lacking) == 0 {
			continue
		}
		set := lostProperties(t, lacking, s.cfg.now())
		if set != nil {
			if err := needed(d, lacking); err != nil {
				return err
			}
			s.cfg.Log.Warn("another engine dropped or renamed columns; they are added again, null until a replay", "table", d.Name, "columns", strings.Join(namesOf(lacking), ", "))
		}
		schema, err := tables.Grown(t.Meta, lacking)
		if err != nil {
			return fmt.Errorf("add columns to %s: %w", d.Name, err)
		}
		s.cfg.Log.Info("adding columns to a table", "table", d.Name, "columns", len(lacking))
		changes = append(changes, lake.Change{Base: t, Evolve: schema, Properties: set})
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = s.cfg.Lake.Commit(ctx, changes, nil)
	return err
}

package promote

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// Prepare makes the promoter's tables, and brings tables of an earlier definition to this one: columns, partitions, and rows. Existing
// rows have null in new columns until their objects are read again.
func (s *Silver) Prepare(ctx context.Context) error {
	if err := s.cfg.Lake.Create(ctx, s.Tables()...); err != nil {
		return err
	}
	if err := s.cfg.Metrics.retry().Do(ctx, func() error { return s.grow(ctx, true) }); err != nil {
		return err
	}
	s.defined = true
	if err := s.ask(ctx); err != nil {
		return err
	}
	if err := s.RemoveAgain(ctx); err != nil {
		return err
	}
	return s.recallDrift(ctx)
}

// Columns gives the tables the columns of their definitions, and leaves rows and partitions as they are.
func (s *Silver) Columns(ctx context.Context) error {
	if err := s.cfg.Lake.Create(ctx, s.Tables()...); err != nil {
		return err
	}
	return s.cfg.Metrics.retry().Do(ctx, func() error { return s.grow(ctx, false) })
}

// grow brings the tables to their definitions, also those that another engine took columns away from. A start takes another definition
// for the one to follow, and has the objects read again that a former one read: the ledger calls them outdated, in the transaction that
// gives the table its digest.
func (s *Silver) grow(ctx context.Context, start bool) error {
	view, err := s.cfg.Lake.OwnView(ctx)
	if err != nil {
		return err
	}
	var changes []lake.Change
	var redefined []string
	for _, d := range s.Tables() {
		t, err := view.Table(d.Name)
		if err != nil {
			return err
		}
		growth, err := tables.Grow(t.Meta, d)
		if err != nil {
			return err
		}
		if !start {
			growth = tables.Growth{Schema: growth.Schema, Added: growth.Added, Renamed: growth.Renamed, Widened: growth.Widened}
		}
		if err := growth.Refusal(d.Name, s.dataset); err != nil {
			return err
		}
		if !growth.Changes() {
			continue
		}
		c, err := s.growth(t, d, growth)
		if err != nil {
			return err
		}
		if changes = append(changes, c); growth.Redefined {
			redefined = append(redefined, d.Name)
			s.cfg.Log.Warn("the definition of a dataset has changed: its objects are read again", "dataset", s.dataset.Name, "table", d.Name)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = s.cfg.Lake.Commit(ctx, changes, func(tx *lake.Tx, _ []*lake.Table) error {
		for _, name := range redefined {
			if err := tx.Outdate(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// growth is the change that a table needs.
func (s *Silver) growth(t *lake.Table, d lake.Definition, growth tables.Growth) (lake.Change, error) {
	set := lostProperties(t, growth.Added, s.cfg.now())
	if set != nil {
		if err := needed(d, growth.Added); err != nil {
			return lake.Change{}, err
		}
		s.cfg.Log.Warn("another engine dropped or renamed columns; they are added again, null until a replay", "table", d.Name, "columns", strings.Join(namesOf(growth.Added), ", "))
	}
	if set == nil {
		set = iceberg.Properties{}
	}
	maps.Copy(set, growth.Properties)
	maps.Copy(set, tables.ReadingOf(growth.Widened))
	if growth.Schema != nil {
		s.cfg.Log.Info("changing the columns of a table", "table", d.Name, "added", len(growth.Added), "renamed", len(growth.Renamed), "widened", len(growth.Widened))
	}
	if growth.Divided != nil {
		s.cfg.Log.Info("changing the partitions of a table; its files stay as they are", "table", d.Name, "from", growth.Divided.Was, "to", growth.Divided.Is)
	}
	return lake.Change{Base: t, Evolve: growth.Schema, Partition: growth.Partition, Properties: set}, nil
}

// defines fails when another program has given the table another definition since this one started: to work on would mix the rows of
// two.
func (s *Silver) defines(t *lake.Table) error {
	if !s.defined || tables.DefinedBy(t.Meta, s.dataset) {
		return nil
	}
	return fmt.Errorf("%s has another definition of %s than this reactor: another one was started with it. Start this one again with the same files, or reload it (`reactor reload`)", t.Name, s.dataset.Name)
}

// Rereads says how many objects are left to be read again because the definition has changed, "" where none is.
func (s *Silver) Rereads(ctx context.Context) (string, error) {
	if s.rereads.over.Load() {
		return "", nil
	}
	view, err := s.cfg.Lake.OwnView(ctx)
	if err != nil {
		return "", err
	}
	text, err := tables.Rereads(ctx, s.cfg.Lake, view.Tables[s.rows.table])
	if err != nil || text == "" {
		return "", err
	}
	return s.rows.table + ": " + text, nil
}

// Package preview foretells what a start of the reactor would change: tables, columns, events that never came, and days of
// gold. It works out the same as the start does, by the same code, and changes nothing.
package preview

import (
	"context"
	"errors"
	"maps"
	"slices"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/tables"
)

// Start is a start that may come.
type Start struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	Models *gold.Set
	Memory string // to compare snapshots of silver in; beyond it rows spill to disk
	Show   progress.Show
}

// Actions returns what the start would do: silver's tables first, then objects that wait, then gold.
func (s Start) Actions(ctx context.Context) ([]tables.Action, error) {
	view, err := s.Lake.View(ctx)
	if err != nil {
		return nil, err
	}
	actions, err := s.recover(ctx)
	if err != nil {
		return nil, err
	}
	silver, complete, err := tables.SilverActions(ctx, s.Lake, view)
	if err != nil {
		return nil, err
	}
	actions = append(actions, silver...)
	missed, err := s.missed(ctx)
	if err != nil {
		return nil, err
	}
	actions = append(actions, missed...)
	if complete {
		steps, err := s.steps(ctx, view)
		return append(actions, steps...), err
	}
	for _, m := range s.Models.Models {
		if view.Tables[m.Name] == nil {
			actions = append(actions, tables.Action{Action: "create", Table: m.Name, Why: "its model is new: " + m.File})
		}
	}
	return actions, nil
}

// recover returns what the start does about a catalog that lacks tables, or is older than they are.
func (s Start) recover(ctx context.Context) (actions []tables.Action, err error) {
	r, err := s.Lake.Foresee(ctx, tables.All(s.Models)...)
	if err != nil {
		return nil, err
	}
	for _, name := range r.Tables {
		a := tables.Action{Action: "make anew", Table: name, Why: "it was dropped or renamed; other tables stay as they are"}
		if r.Whole {
			a.Why = "the catalog is older than the lake: " + r.Because
		}
		actions = append(actions, a)
	}
	return actions, nil
}

// span is how many objects wait for a table, and their first and last ingest date.
type span struct {
	n        int
	from, to bronze.Day
}

func (s *span) add(day bronze.Day) {
	s.n++
	if day.IsZero() {
		return
	}
	if s.from.IsZero() || day.Before(s.from) {
		s.from = day
	}
	if s.to.IsZero() || s.to.Before(day) {
		s.to = day
	}
}

// recorded is the ledger for which an object that an earlier definition read is none that no event brought.
type recorded struct{ *lake.Lake }

func (r recorded) Known(ctx context.Context, ids []string) (map[string]bool, error) {
	return r.Recorded(ctx, ids)
}

// missed returns the objects that the reconciler would find, by table.
func (s Start) missed(ctx context.Context) ([]tables.Action, error) {
	bar := s.Show(-1, "listing")
	defer bar.Done()
	waiting := map[string]*span{}
	for o, err := range reconcile.Unknown(ctx, reconcile.Objects(ctx, s.Bucket, ""), recorded{s.Lake}) {
		if err != nil {
			return nil, err
		}
		bar.Add(1)
		table := ""
		d, key, ok := tables.DatasetOf(o)
		if ok {
			table = d.TableName()
		}
		if waiting[table] == nil {
			waiting[table] = &span{}
		}
		waiting[table].add(key.IngestDate)
	}
	var actions []tables.Action
	for _, table := range slices.Sorted(maps.Keys(waiting)) {
		w := waiting[table]
		a := tables.Action{Action: "promote", Table: table, Objects: w.n, Why: "the ledger does not know them; from and to are ingest dates"}
		if table == "" {
			a.Why = "the ledger does not know them, and no dataset takes them: they become dead letters"
		}
		if !w.from.IsZero() {
			a.From, a.To = w.from.String(), w.to.String()
		}
		actions = append(actions, a)
	}
	return actions, nil
}

// Gold returns what the start would do in gold alone. It does not list bronze, which takes long where there are many objects.
func (s Start) Gold(ctx context.Context) ([]tables.Action, error) {
	view, err := s.Lake.OwnView(ctx)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(append(tables.Silver(), tables.Rejected), func(name string) bool { return view.Tables[name] == nil }) {
		return nil, errors.New("plan gold: tables of silver are missing; the next start of the reactor makes them")
	}
	return s.steps(ctx, view)
}

// steps returns what gold's step at the start does.
func (s Start) steps(ctx context.Context, view *lake.View) (actions []tables.Action, err error) {
	err = duck.Temporary(s.Memory, func(db *duck.DB) error {
		g, err := promote.NewGold(promote.Config{Lake: s.Lake, DB: db}, s.Models)
		if err != nil {
			return err
		}
		defer g.Close()
		upcoming, err := g.Preview(ctx, view)
		if err != nil {
			return err
		}
		for _, u := range upcoming {
			actions = append(actions, actionOf(u, view))
		}
		for _, name := range g.Forgotten(view) {
			actions = append(actions, tables.Action{Action: "forget", Table: name, Rows: lake.Total(view.Tables[name].Snapshot(), lake.TotalRows), Why: "its model is not there any more"})
		}
		return nil
	})
	return actions, err
}

// actionOf is the action of a step of gold on one table.
func actionOf(u promote.Upcoming, view *lake.View) tables.Action {
	a := tables.Action{Action: "compute", Table: u.Table, Rows: u.Rows, Days: u.Days.Len(), Why: u.Why}
	if u.Rebuild {
		a.Action = "rebuild"
	}
	if u.Held {
		a.Action, a.Days = "hold", nil
	}
	if hull, ok := u.Days.Hull(); ok {
		a.From, a.To = hull.From.String(), hull.To.String()
	}
	if view.Tables[u.Table] == nil {
		a.Action = "create"
	}
	return a
}

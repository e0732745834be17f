package tables

import (
	"context"
	"fmt"

	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// Action is something that a start of the reactor would do to a table, or to the objects of a dataset.
type Action struct {
	Action string `json:"action"` // create, add column, rename column, widen column, change partition, read again, refuse, promote, rebuild, compute or forget
	Table  string `json:"table"`
	// Objects, Rows and Days are what it concerns, nil where that means nothing.
	Objects any `json:"objects"`
	Rows    any `json:"rows"`
	Days    any `json:"days"`
	// From and To are the first and last day, "2026-01-31", nil where there is none.
	From any    `json:"from"`
	To   any    `json:"to"`
	Why  string `json:"why"`
}

// SilverActions returns what a start does to silver's tables; complete tells that all of them are there.
func SilverActions(ctx context.Context, l *lake.Lake, view *lake.View) (actions []Action, complete bool, err error) {
	complete = true
	definitions, fill := OfSilver()
	for _, definition := range definitions {
		t := view.Tables[definition.Name]
		if t == nil {
			complete = false
			actions = append(actions, Action{Action: "create", Table: definition.Name, Why: "it is not there yet"})
			continue
		}
		growth, err := Grow(t.Meta, definition)
		if err != nil {
			return nil, false, err
		}
		actions = append(actions, growth.columns(t, fill[t.Name])...)
		more, err := growth.rows(ctx, l, t, fill[t.Name])
		if err != nil {
			return nil, false, err
		}
		actions = append(actions, more...)
	}
	return actions, complete, nil
}

// columns are the actions on the columns of a table; of is the dataset whose objects fill it, nil for Rejected.
func (g *Growth) columns(t *lake.Table, of *silver.Dataset) (actions []Action) {
	for _, c := range g.Renamed {
		actions = append(actions, Action{Action: "rename column", Table: t.Name, Why: fmt.Sprintf("%s is called %s now; no file is rewritten", c.Was, c.Is)})
	}
	for _, c := range g.Widened {
		actions = append(actions, Action{Action: "widen column", Table: t.Name, Why: fmt.Sprintf("%s was %s and will be %s; no file is rewritten", c.Column, c.Was, c.Is)})
	}
	for _, f := range g.Added {
		a := Action{Action: "add column", Table: t.Name, Rows: lake.Total(t.Snapshot(), lake.TotalRows), Why: fmt.Sprintf("%s %s, null in these rows until ", f.Name, f.Type)}
		switch {
		case g.Redefined:
			a.Why += "their objects are read again"
		case of != nil:
			a.Why += "`reactor replay --dataset " + of.Name + "`"
		default:
			a.Why += "`reactor replay`"
		}
		actions = append(actions, a)
	}
	return actions
}

// rows are the actions on the files and the rows of a table.
func (g *Growth) rows(ctx context.Context, l *lake.Lake, t *lake.Table, of *silver.Dataset) (actions []Action, err error) {
	if g.Divided != nil {
		actions = append(actions, Action{Action: "change partition", Table: t.Name, Why: fmt.Sprintf("new files are divided by %s, which was %s; the files that are there stay as they are", g.Divided.Is, g.Divided.Was)})
	}
	if g.Key != nil {
		return append(actions, Action{Action: "refuse", Table: t.Name, Why: g.otherKey(t.Name, of).Error()}), nil
	}
	left, err := outdated(ctx, l, t)
	if err != nil || left == 0 && !g.Redefined {
		return actions, err
	}
	a := Action{Action: "read again", Table: t.Name, Objects: left, Why: "a former definition of the dataset read them, and the reactor has not come to them yet"}
	if g.Redefined {
		a.Why = "the definition of the dataset has changed since they were read; rows that they do not give any more go"
		if a.Objects, err = l.ReadObjects(ctx, t.Name); err != nil {
			return nil, err
		}
	}
	return append(actions, a), nil
}

// otherKey says that a table has rows under another key, and what to do.
func (g *Growth) otherKey(name string, of *silver.Dataset) error {
	return fmt.Errorf("the rows of %[1]s have the key %[2]s, and the definition says %[3]s: a start refuses that. Have the table made anew on a branch, "+
		"`reactor replay --dataset %[4]s --anew --branch new-key`, and publish it while no reactor runs, `reactor publish new-key`", name, g.Key.Was, g.Key.Is, of.Name)
}

// Refusal is why a start must not go on with a table, nil where it may.
func (g *Growth) Refusal(name string, of *silver.Dataset) error {
	if g.Key == nil {
		return nil
	}
	return g.otherKey(name, of)
}

// Complete fails where tables of silver are not there or lack columns of this program, which a start of the reactor adds. because says
// why that matters, and is "" where it needs no reason.
func Complete(view *lake.View, because string) error {
	definitions, _ := OfSilver()
	for _, definition := range definitions {
		t := view.Tables[definition.Name]
		lacks := t == nil
		if t != nil {
			growth, err := Grow(t.Meta, definition)
			if err != nil {
				return err
			}
			lacks = growth.Schema != nil
		}
		if lacks {
			return fmt.Errorf("tables of silver are not there or lack columns that this program knows%s: start `reactor run` once before (`reactor plan` shows what that changes)", because)
		}
	}
	return nil
}

// Same fails where another definition than this program's made the rows of a table of silver, which a start of the reactor mends.
func Same(view *lake.View) error {
	for _, d := range datasets.All() {
		if t := view.Tables[d.TableName()]; t != nil && !DefinedBy(t.Meta, d) {
			return fmt.Errorf("the rows of %s were made by another definition of %s than this program has: start `reactor run` with this one before (`reactor plan` shows what that changes)", t.Name, d.Name)
		}
	}
	return nil
}

// Refused says why a start with some datasets would fail, as far as the tables that are there tell; nil where it would not.
func Refused(view *lake.View, list []*silver.Dataset) error {
	for _, d := range list {
		for _, definition := range OfDataset(d) {
			t := view.Tables[definition.Name]
			if t == nil {
				continue
			}
			growth, err := Grow(t.Meta, definition)
			if err != nil {
				return err
			}
			if err := growth.Refusal(t.Name, d); err != nil {
				return err
			}
		}
	}
	return nil
}

package tables

import (
	"fmt"

	"millrace/reactor/lake"
)

// Action is something that a start of the reactor would do to a table, or to the objects of a dataset.
type Action struct {
	Action string `json:"action"` // create, add column, rename column, widen column, promote, rebuild, compute or forget
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
func SilverActions(view *lake.View) (actions []Action, complete bool, err error) {
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
		for _, c := range growth.Renamed {
			actions = append(actions, Action{Action: "rename column", Table: t.Name, Why: fmt.Sprintf("%s is called %s now; no file is rewritten", c.Was, c.Is)})
		}
		for _, c := range growth.Widened {
			actions = append(actions, Action{Action: "widen column", Table: t.Name, Why: fmt.Sprintf("%s was %s and will be %s; no file is rewritten", c.Column, c.Was, c.Is)})
		}
		for _, f := range growth.Added {
			a := Action{Action: "add column", Table: t.Name, Rows: lake.Total(t.Snapshot(), lake.TotalRows), Why: fmt.Sprintf("%s %s, null in these rows until `reactor replay`", f.Name, f.Type)}
			if d := fill[t.Name]; d != nil {
				a.Why += " --dataset " + d.Name
			}
			actions = append(actions, a)
		}
	}
	return actions, complete, nil
}

// Complete fails where tables of silver are not there or lack columns of this program, which a start of the reactor adds. because says
// why that matters, and is "" where it needs no reason.
func Complete(view *lake.View, because string) error {
	actions, complete, err := SilverActions(view)
	if err != nil {
		return err
	}
	if !complete || len(actions) > 0 {
		return fmt.Errorf("tables of silver are not there or lack columns that this program knows%s: start `reactor run` once before (`reactor plan` shows what that changes)", because)
	}
	return nil
}

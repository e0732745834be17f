package promote

import (
	"context"
	"slices"
	"strings"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// Upcoming is what the next step will do to a table of gold.
type Upcoming struct {
	Table string
	// Rebuild: all of its days, because the table is not there, or another model made it.
	Rebuild bool
	// Held: none, because its model ended the database the last time.
	Held bool
	Days plan.Days // that are computed; only those whose rows change are written
	Rows int64     // in the files that hold rows of these days now
	Why  string
}

// Preview is what the next step will do, as the step itself would work it out. It changes nothing. Silver's tables must be there.
func (g *Gold) Preview(ctx context.Context, view *lake.View) ([]Upcoming, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := slices.DeleteFunc(g.held(view), func(f *gold.Failure) bool { return !f.Fatal }) // a start tries the others
	set := g.set.Without(held.names()...)
	rebuild := outdated(view, set)
	c, err := g.change(ctx, view, set, rebuild)
	if err != nil {
		return nil, err
	}
	verifyAgain(c, view, set)
	p, err := set.Plan(c)
	if err != nil {
		return nil, err
	}
	var all []Upcoming
	for _, m := range set.Models {
		if p.Write[m.Name].Empty() && !rebuild[m.Name] {
			continue
		}
		u := Upcoming{Table: m.Name, Rebuild: rebuild[m.Name], Days: p.Write[m.Name], Why: why(view, m, c, p)}
		if t := view.Tables[m.Name]; t != nil {
			files, err := g.filesOf(ctx, t, gold.Day, u.Days)
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				u.Rows += f.Rows()
			}
		}
		all = append(all, u)
	}
	for _, f := range held {
		all = append(all, Upcoming{Table: f.Model, Held: true, Why: "stays as it is, with all that reads it, until the model's file changes: " + f.Error()})
	}
	return all, nil
}

// why says what makes a model's days change.
func why(view *lake.View, m *gold.Model, c plan.Change, p plan.Plan) string {
	if c.Rebuild[m.Name] {
		t := view.Tables[m.Name]
		if t == nil {
			return "its model is new: " + m.File
		}
		switch t.Meta.Properties()[digestProperty] {
		case heldDigest:
			return "its model failed, or one that it reads; it is tried again"
		case rolledBack:
			return "it is rolled back"
		case "":
			return "no model made it, or not the last one that kept it up: " + m.File
		case m.Digest:
			if !fitOf(t.Meta, m).anew {
				return "its lookback is verified on the days that there are now: " + m.File
			}
			return "another engine renamed, dropped or retyped columns of its model: " + m.File
		}
		return "its model, or one that it reads, has changed: " + m.File
	}
	var because []string
	for _, in := range m.Inputs {
		switch {
		case !c.Changed[in].Empty():
			because = append(because, in+" has changed")
		case !p.Write[in].Empty():
			because = append(because, in+" is computed")
		}
	}
	return strings.Join(because, ", ")
}

// Forgotten are the tables whose models are not there any more: they stay, and nothing keeps them up.
func (g *Gold) Forgotten(view *lake.View) []string {
	var names []string
	for _, c := range g.forget(view) {
		names = append(names, c.Base.Name)
	}
	return names
}

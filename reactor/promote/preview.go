package promote

import (
	"context"
	"slices"
	"strings"

	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// Upcoming says what the next step will do to a gold table.
type Upcoming struct {
	Table string
	// Rebuild tells that all days are computed; Why says why.
	Rebuild bool
	// Held tells that no day is computed, because the model ended the database.
	Held bool
	Days plan.Days // to compute; only days whose rows change are written
	Rows int64     // in the files that hold these days now
	Why  string
}

// Preview works out what the next step will do, as the step does, and changes nothing. Silver's tables must exist.
func (g *Gold) Preview(ctx context.Context, view *lake.View) ([]Upcoming, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := slices.DeleteFunc(g.held(view), func(f *gold.Failure) bool { return !f.Fatal }) // the next start tries the others
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

// why says why a model's days are computed.
func why(view *lake.View, m *gold.Model, c plan.Change, p plan.Plan) string {
	if c.Rebuild[m.Name] {
		t := view.Tables[m.Name]
		if t == nil {
			return "its model is new: " + m.File
		}
		switch t.Meta.Properties()[digestProperty] {
		case heldDigest:
			return "its model, or one that it reads, failed; it is tried again"
		case rolledBack:
			return "it is rolled back"
		case "":
			return "no model made it, or its model was gone for a time: " + m.File
		case m.Digest:
			if !fitOf(t.Meta, m).anew {
				return "its lookback is verified on all days that exist now: " + m.File
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

// Forgotten lists the tables whose models are gone. They stay, and no step updates them.
func (g *Gold) Forgotten(view *lake.View) []string {
	var names []string
	for _, c := range g.forget(view) {
		names = append(names, c.Base.Name)
	}
	return names
}

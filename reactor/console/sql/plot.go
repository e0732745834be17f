package sql

import (
	"net/url"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// Plot is how the rows of a result are drawn: which column runs along, which ones are lines, and by which one a line is split.
type Plot struct {
	// X is "" and Lines empty where the person has not chosen; By is noSplit for one who wants no split.
	X     string   `json:"x"`
	Lines []string `json:"lines"`
	By    string   `json:"by,omitempty"`
	// Asked tells that somebody chose, and wants to see the chart; chose that the lines are among it.
	Asked bool `json:"-"`
	chose bool
	// Xs, Numbers and Texts are the columns to choose from.
	Xs, Numbers, Texts []string `json:"-"`
	times              []string
}

const (
	// noSplit is what the picker says for lines that are not split.
	noSplit = "-"
	// mostLines is how many lines one chart has: more than that cannot be told apart.
	mostLines = 12
)

// plotOf reads what a person has chosen.
func plotOf(v url.Values) Plot {
	return Plot{X: v.Get("x"), Lines: v["y"], By: v.Get("by"), Asked: v.Has("x") || v.Has("y") || v.Has("by"), chose: v.Has("y")}
}

// offer fills in what there is to choose from, and what is drawn unless somebody chooses: the first column of times, or else the first
// number, runs along, and all other numbers are lines.
func (p *Plot) offer(s *arrow.Schema) {
	for _, f := range s.Fields() {
		switch {
		case temporal(f.Type):
			p.times = append(p.times, f.Name)
		case numeric(f.Type):
			p.Numbers = append(p.Numbers, f.Name)
		case f.Type.ID() == arrow.STRING:
			p.Texts = append(p.Texts, f.Name)
		}
	}
	p.Xs = slices.Concat(p.times, p.Numbers)
	if !slices.Contains(p.Xs, p.X) {
		p.X = ""
		if len(p.Xs) > 0 {
			p.X = p.Xs[0]
		}
	}
	is := func(name string) bool { return name != p.X && slices.Contains(p.Numbers, name) }
	chosen := slices.DeleteFunc(slices.Clone(p.Lines), func(name string) bool { return !is(name) })
	if len(chosen) == 0 {
		chosen = slices.DeleteFunc(slices.Clone(p.Numbers), func(name string) bool { return !is(name) })
	}
	p.Lines = slices.Compact(chosen[:min(len(chosen), mostLines)])
	if p.By != noSplit && !slices.Contains(p.Texts, p.By) {
		p.By = ""
	}
}

// Possible tells whether the rows can be drawn at all.
func (p Plot) Possible() bool { return p.X != "" && len(p.Lines) > 0 }

// Number tells whether a column is one of numbers.
func (p Plot) Number(column string) bool { return slices.Contains(p.Numbers, column) }

// Draws tells whether a column is one of the lines.
func (p Plot) Draws(column string) bool { return slices.Contains(p.Lines, column) }

// values are the choice in an address; without one the chart chooses by the rows.
func (p Plot) values(v url.Values) url.Values {
	if !p.Asked {
		return v
	}
	v.Set("x", p.X)
	v["y"] = p.Lines
	if p.By != "" {
		v.Set("by", p.By)
	}
	return v
}

func temporal(t arrow.DataType) bool {
	return t.ID() == arrow.TIMESTAMP || t.ID() == arrow.DATE32 || t.ID() == arrow.DATE64
}

func numeric(t arrow.DataType) bool {
	return arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || arrow.IsDecimal(t.ID())
}

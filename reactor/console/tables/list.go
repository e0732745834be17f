package tables

import (
	"context"
	"maps"
	"slices"
	"time"

	"millrace/reactor/lake"
	"millrace/reactor/promote"
)

// List is every table of the lake.
type List struct {
	Tables []Line `json:"tables"`
}

// Line is a table in the list.
type Line struct {
	Name        string    `json:"table"`
	Rows        int64     `json:"rows"`
	Files       int64     `json:"files"`
	Bytes       int64     `json:"bytes"`
	Snapshots   int       `json:"snapshots"`
	CommittedAt time.Time `json:"committed_at"`
	// State says why a table of gold is not kept up, "" when it is.
	State string `json:"model,omitempty"`
}

func (p *Pages) list(ctx context.Context) (List, error) {
	view, err := p.lake.View(ctx)
	if err != nil {
		return List{}, err
	}
	list := List{Tables: []Line{}}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		line, err := p.lineOf(ctx, view.Tables[name])
		if err != nil {
			return List{}, err
		}
		list.Tables = append(list.Tables, line)
	}
	return list, nil
}

func (p *Pages) lineOf(ctx context.Context, t *lake.Table) (Line, error) {
	f, err := p.lake.Figures(ctx, t)
	return Line{
		Name: t.Name, Rows: f.Rows, Files: f.Files, Bytes: f.Bytes, Snapshots: len(t.Meta.Snapshots()), CommittedAt: f.CommittedAt, State: promote.StateOf(t),
	}, err
}

// RowsAFile is how many rows a file holds on average; call it where there are files.
func (l Line) RowsAFile() int64 { return l.Rows / l.Files }

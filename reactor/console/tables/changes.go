package tables

import (
	"context"
	"iter"
	"net/http"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/query"
)

// Changes are the rows that differ between two snapshots.
type Changes struct {
	Table   string   `json:"table"`
	Tab     string   `json:"-"`
	From    Snapshot `json:"from"`
	To      Snapshot `json:"to"`
	Columns []string `json:"columns"`
	// Rows are the first that differ; Inserted, Deleted and Updated count all of them.
	Rows     []Change `json:"rows"`
	Inserted int      `json:"inserted"`
	Deleted  int      `json:"deleted"`
	Updated  int      `json:"updated"`
	// Snapshots are those to choose from, the newest first.
	Snapshots []Snapshot `json:"-"`
}

// Change is a row that differs. Old are the former values of an update, by column.
type Change struct {
	How string         `json:"how"`
	Row []any          `json:"row"`
	Old map[string]any `json:"old,omitempty"`
}

// More is how many rows differ beside those that are shown.
func (c Changes) More() int { return c.Inserted + c.Deleted + c.Updated - len(c.Rows) }

// compared is how many rows the page shows.
const compared = 200

func (p *Pages) changes(r *http.Request) (Changes, error) {
	ctx := r.Context()
	t, err := p.find(ctx, r.PathValue("table"))
	if err != nil {
		return Changes{}, err
	}
	to, err := snapshotOf(r.Context(), t, r.URL.Query(), "to")
	if err != nil {
		return Changes{}, err
	}
	from, err := snapshotOf(r.Context(), t, r.URL.Query(), "from")
	if err != nil {
		return Changes{}, err
	}
	if r.URL.Query().Get("from") == "" { // what the snapshot itself changed
		from = nil
		if to != nil && to.ParentSnapshotID != nil {
			from = t.Meta.SnapshotByID(*to.ParentSnapshotID)
		}
	}
	return p.compared.Of(memoKey(t, from, to), func() (Changes, error) { return p.compare(ctx, t, from, to) })
}

// offered is how many snapshots the page has to choose from; an address may name others.
const offered = 200

func (p *Pages) compare(ctx context.Context, t *lake.Table, from, to *table.Snapshot) (Changes, error) {
	refs, all := refsOf(t), snapshots(t)
	c := Changes{Table: t.Name, Tab: "changes", From: snapshot(from, refs), To: snapshot(to, refs), Rows: []Change{}}
	for i := len(all) - 1; i >= 0; i-- {
		if one := all[i]; len(c.Snapshots) < offered || one.ID == c.From.ID || one.ID == c.To.ID {
			c.Snapshots = append(c.Snapshots, one)
		}
	}
	d := query.Difference{Lake: p.lake, Table: t, From: from, To: to, Show: progress.Silent}
	c.Columns = d.Columns()
	err := duck.TemporaryConn(memory, func(conn *duck.Conn) error { return d.Each(ctx, conn, c.take) })
	return c, err
}

// take keeps the first rows and counts all of them.
func (c *Changes) take(changes iter.Seq2[query.Change, error]) error {
	for one, err := range changes {
		if err != nil {
			return err
		}
		switch one.How {
		case query.Inserted:
			c.Inserted++
		case query.Deleted:
			c.Deleted++
		case query.Updated:
			c.Updated++
		}
		if len(c.Rows) < compared {
			c.Rows = append(c.Rows, Change{How: one.How, Row: one.Row, Old: one.Old})
		}
	}
	return nil
}

// Was tells whether a column had another value before.
func (c Change) Was(column string) bool {
	_, ok := c.Old[column]
	return ok
}

package tables

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/console/web"
	"millrace/reactor/lake"
)

// Snapshot is one of a table's.
type Snapshot struct {
	ID          int64     `json:"snapshot"`
	CommittedAt time.Time `json:"committed_at"`
	Operation   string    `json:"operation"`
	// Added, Deleted and Rows are null where the engine that made it left the number out.
	Added   any      `json:"added_rows"`
	Deleted any      `json:"deleted_rows"`
	Rows    any      `json:"total_rows"`
	Refs    []string `json:"refs"`
	MadeBy  string   `json:"made_by"`
}

// Label is the snapshot in a line of text.
func (s Snapshot) Label() string {
	if s.ID == 0 {
		return "the empty table"
	}
	return fmt.Sprintf("%d of %s", s.ID, s.CommittedAt.UTC().Format("2006-01-02 15:04:05.000"))
}

func snapshot(s *table.Snapshot, refs map[int64][]string) Snapshot {
	if s == nil {
		return Snapshot{Refs: []string{}}
	}
	made := Snapshot{
		ID: s.SnapshotID, CommittedAt: time.UnixMilli(s.TimestampMs), Refs: slices.Sorted(slices.Values(refs[s.SnapshotID])), MadeBy: lake.MadeBy(s),
		Added: lake.Total(s, lake.AddedRows), Deleted: lake.Total(s, lake.DeletedRows), Rows: lake.Total(s, lake.TotalRows),
	}
	if made.Refs == nil {
		made.Refs = []string{}
	}
	if s.Summary != nil {
		made.Operation = string(s.Summary.Operation)
	}
	return made
}

func refsOf(t *lake.Table) map[int64][]string {
	refs := map[int64][]string{}
	for name, ref := range t.Meta.Refs() {
		refs[ref.SnapshotID] = append(refs[ref.SnapshotID], name)
	}
	return refs
}

// snapshots are those that a table keeps, the oldest first.
func snapshots(t *lake.Table) []Snapshot {
	refs := refsOf(t)
	all := []Snapshot{}
	for _, s := range t.Meta.Snapshots() {
		all = append(all, snapshot(&s, refs))
	}
	slices.SortStableFunc(all, func(a, b Snapshot) int { return a.CommittedAt.Compare(b.CommittedAt) })
	return all
}

// History is the snapshots of a table, the newest first.
type History struct {
	Table     string     `json:"table"`
	Tab       string     `json:"-"`
	Snapshots []Snapshot `json:"snapshots"`
	// Of is how many the table keeps; Before goes on after the last one of this page, 0 where that is the oldest.
	Of     int   `json:"of"`
	Before int64 `json:"before,omitempty"`
	// To is the snapshot that an address proposes to roll back to.
	To string `json:"-"`
}

// Proposed tells whether the address proposes a snapshot.
func (h History) Proposed(s Snapshot) bool { return h.To == fmt.Sprint(s.ID) }

// listed is how many snapshots a page lists.
const listed = 200

func (p *Pages) history(r *http.Request) (History, error) {
	t, err := p.find(r.Context(), r.PathValue("table"))
	if err != nil {
		return History{}, err
	}
	all := snapshots(t)
	slices.Reverse(all)
	h := History{Table: t.Name, Tab: "snapshots", Of: len(all), To: r.URL.Query().Get("to")}
	if text := r.URL.Query().Get("before"); text != "" {
		last := slices.IndexFunc(all, func(s Snapshot) bool { return fmt.Sprint(s.ID) == text })
		if last < 0 {
			return h, web.NotFound("%s has no snapshot %q (any more)", t.Name, text)
		}
		all = all[last+1:]
	}
	if len(all) > listed {
		all = all[:listed]
		h.Before = all[listed-1].ID
	}
	for i := range all {
		if err := p.count(r.Context(), t, &all[i]); err != nil {
			return h, err
		}
	}
	h.Snapshots = all
	return h, nil
}

// count leaves the rows out that files of deletes delete: the totals of a summary have them.
func (p *Pages) count(ctx context.Context, t *lake.Table, of *Snapshot) error {
	s := t.Meta.SnapshotByID(of.ID)
	n, errRows := p.lake.Rows(ctx, t, s)
	deleted, errDeleted := p.lake.Deleted(ctx, t, s)
	if err := errors.Join(errRows, errDeleted); err != nil {
		return err
	}
	of.Rows, of.Deleted = n, deleted
	return nil
}

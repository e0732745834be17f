package tables

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/query"
)

// Profile is what the columns of a table hold.
type Profile struct {
	Table   string   `json:"table"`
	Tab     string   `json:"-"`
	At      Snapshot `json:"at"`
	Rows    int64    `json:"rows"`
	Columns []Figure `json:"columns"`
}

// Figure is one column: Least and Greatest are null where all values are, and for lists and maps. Distinct is an estimate.
type Figure struct {
	Column
	Nulls    int64 `json:"nulls"`
	Distinct int64 `json:"distinct"`
	Least    any   `json:"least"`
	Greatest any   `json:"greatest"`
}

// NullShare is the nulls in percent of a number of rows.
func (f Figure) NullShare(rows int64) string {
	if rows == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(f.Nulls)/float64(rows))
}

func (p *Pages) profile(r *http.Request) (Profile, error) {
	ctx := r.Context()
	t, err := p.find(ctx, r.PathValue("table"))
	if err != nil {
		return Profile{}, err
	}
	s, err := snapshotOf(r.Context(), t, r.URL.Query(), "at")
	if err != nil {
		return Profile{}, err
	}
	return p.profiles.Of(memoKey(t, s), func() (Profile, error) { return p.profileOf(ctx, t, s) })
}

func (p *Pages) profileOf(ctx context.Context, t *lake.Table, s *table.Snapshot) (Profile, error) {
	files, err := p.lake.Files(ctx, t, s, lake.AllMonths)
	if err != nil {
		return Profile{}, err
	}
	f := Profile{Table: t.Name, Tab: "profile", At: snapshot(s, refsOf(t))}
	for _, c := range columnsOf(t.Meta.CurrentSchema()) {
		f.Columns = append(f.Columns, Figure{Column: c})
	}
	err = p.over(ctx, t, files, func(conn *duck.Conn) error { return f.read(ctx, conn) })
	return f, err
}

// read works out all figures in one pass over the rows.
func (f *Profile) read(ctx context.Context, conn *duck.Conn) error {
	parts := []string{"count(*)"}
	for _, c := range f.Columns {
		name := duck.Identifier(c.Name)
		parts = append(parts, fmt.Sprintf("count(*) - count(%s)", name), fmt.Sprintf("approx_count_distinct(%s)", name))
		if nested(c.Type) {
			parts = append(parts, "null", "null")
			continue
		}
		parts = append(parts, fmt.Sprintf("min(%s)", name), fmt.Sprintf("max(%s)", name))
	}
	result, err := conn.Query(ctx, "select "+strings.Join(parts, ", ")+" from shown")
	if err != nil {
		return err
	}
	defer result.Close()
	for row, err := range query.Cells(result) {
		if err != nil {
			return err
		}
		f.Rows, _ = row[0].(int64)
		for i := range f.Columns {
			c := &f.Columns[i]
			values := row[1+4*i:]
			c.Nulls, _ = values[0].(int64)
			c.Distinct, _ = values[1].(int64)
			c.Least, c.Greatest = values[2], values[3]
		}
	}
	return nil
}

// nested tells whether a type has no order that means anything.
func nested(typ string) bool {
	return strings.HasPrefix(typ, "list") || strings.HasPrefix(typ, "map") || strings.HasPrefix(typ, "struct")
}

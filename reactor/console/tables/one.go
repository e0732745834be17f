package tables

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/infra/cli"
	"millrace/reactor/lake"
	own "millrace/reactor/tables"
)

// One is a table at one of its snapshots.
type One struct {
	Table string `json:"table"`
	Tab   string `json:"-"`
	Line
	Key     []string `json:"key"`
	Columns []Column `json:"columns"`
	// Partitions says how files are cut.
	Partitions []string `json:"partitions"`
	Location   string   `json:"metadata_location"`
	// At is the snapshot whose rows are shown; Older and Newer are its neighbours, null at the ends.
	At    Snapshot  `json:"at"`
	Older *Snapshot `json:"older"`
	Newer *Snapshot `json:"newer"`
	// Index is At's place among Steps snapshots, the oldest 0.
	Index   int     `json:"index"`
	Steps   int     `json:"steps"`
	IDs     []int64 `json:"-"`
	Preview Rows    `json:"preview"`
	// Why are the addresses of the rows' lineage, where the table has a key and is shown as it is now.
	Why []string `json:"-"`
	// Asked is what the address says of when, "" for now.
	Asked string `json:"-"`
	now   bool
}

// Second is the time that the address asks for, as the field for times takes it; "" where it names a snapshot. The field leaves seconds
// out where they are none.
func (o One) Second() string {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if _, err := time.Parse(layout, o.Asked); err == nil {
			return o.Asked
		}
	}
	return ""
}

// Before tells that the address asks for a time before the table's first snapshot: the table was empty then.
func (o One) Before() bool { return o.At.ID == 0 && o.Steps > 0 }

// Column is one of a table's.
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Doc      string `json:"doc,omitempty"`
}

// Numeric tells whether the column holds numbers.
func (c Column) Numeric() bool {
	return c.Type == "int" || c.Type == "long" || c.Type == "float" || c.Type == "double" || strings.HasPrefix(c.Type, "decimal")
}

// Current tells whether the page shows the table as it is now.
func (o One) Current() bool { return o.now }

// command is the one that shows the same rows.
func (o One) command() string {
	words := []string{"reactor", "query", fmt.Sprintf("from %s limit %d", o.Table, previewed)}
	if !o.Current() {
		words = append(words, "--snapshot", fmt.Sprintf("%s=%d", o.Table, o.At.ID))
	}
	return cli.ShellLine(words...)
}

func (p *Pages) one(r *http.Request) (One, error) {
	ctx := r.Context()
	t, err := p.find(ctx, r.PathValue("table"))
	if err != nil {
		return One{}, err
	}
	s, err := snapshotOf(r.Context(), t, r.URL.Query(), "at")
	if err != nil {
		return One{}, err
	}
	line, err := p.lineOf(ctx, t)
	if err != nil {
		return One{}, err
	}
	o := One{Table: t.Name, Tab: "rows", Line: line, Key: own.KeyOf(t), Columns: columnsOf(t.Meta.CurrentSchema()), Partitions: partitionsOf(t), Location: t.Location}
	o.Asked = r.URL.Query().Get("at")
	o.place(t, s)
	if o.Preview, err = p.previews.Of(memoKey(t, s), func() (Rows, error) { return p.preview(ctx, t, s) }); err == nil && o.Current() {
		o.explain()
	}
	return o, err
}

// explain leads from each row to what it is made of.
func (o *One) explain() {
	if len(o.Key) == 0 {
		return
	}
	for _, row := range o.Preview.Rows {
		values := url.Values{"table": {o.Table}}
		for _, name := range o.Key {
			i := slices.Index(o.Preview.Columns, name)
			if i < 0 || i >= len(row) || row[i] == nil {
				o.Why = nil
				return
			}
			values.Add("key", cli.Text(row[i]))
		}
		o.Why = append(o.Why, "/lineage?"+values.Encode())
	}
}

// place finds a snapshot among those of its table.
func (o *One) place(t *lake.Table, s *table.Snapshot) {
	all := snapshots(t)
	o.At, o.Steps = snapshot(s, refsOf(t)), len(all)
	for _, one := range all {
		o.IDs = append(o.IDs, one.ID)
	}
	o.now = o.At.ID == t.SnapshotID()
	i := slices.Index(o.IDs, o.At.ID)
	if i < 0 { // the table is empty, or was at that time
		if len(all) > 0 {
			o.Newer = &all[0]
		}
		return
	}
	o.Index = i
	if i > 0 {
		o.Older = &all[i-1]
	}
	if i+1 < len(all) && o.At.ID != t.SnapshotID() {
		o.Newer = &all[i+1]
	}
}

func columnsOf(schema *iceberg.Schema) []Column {
	var columns []Column
	for _, f := range schema.Fields() {
		columns = append(columns, Column{Name: f.Name, Type: f.Type.String(), Required: f.Required, Doc: f.Doc})
	}
	return columns
}

func partitionsOf(t *lake.Table) []string {
	parts := []string{}
	spec := t.Meta.PartitionSpec()
	for _, f := range spec.Fields() {
		if name, ok := t.Meta.CurrentSchema().FindColumnName(f.SourceID()); ok {
			parts = append(parts, fmt.Sprintf("%s(%s)", f.Transform, name))
		}
	}
	return parts
}

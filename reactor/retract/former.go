package retract

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/tables"
)

// Former is what a table keeps of the time before: snapshots that may still have the rows.
type Former struct {
	Table     string
	Snapshots int
	Tags      []string
}

func (f Former) String() string {
	text := fmt.Sprintf("%s %d", f.Table, f.Snapshots)
	if len(f.Tags) > 0 {
		text += " (tags " + strings.Join(f.Tags, ", ") + ")"
	}
	return text
}

// Formers returns the tables that may have had rows of the versions, with the snapshots and tags that stay until they expire. models
// tell which tables of gold read those of silver. A table without a model counts, because nobody knows what it read.
func (r Retraction) Formers(ctx context.Context, all []Retracted, models *gold.Set) ([]Former, error) {
	view, err := r.Lake.View(ctx)
	if err != nil {
		return nil, err
	}
	concerned := had(all, models)
	var formers []Former
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		if f := formerOf(name, view.Tables[name]); f.Snapshots > 0 && concerned(name) {
			formers = append(formers, f)
		}
	}
	return formers, nil
}

// had tells of a table whether it may have had rows of the versions. A dead letter never had any.
func had(all []Retracted, models *gold.Set) func(table string) bool {
	of := map[string]bool{}
	for _, v := range all {
		if v.Table != "" && v.Outcome != lake.OutcomeDead {
			of[silver.TableName(v.Table)], of[tables.Rejected] = true, true
		}
	}
	if len(of) == 0 {
		return func(string) bool { return false }
	}
	if models == nil {
		models = &gold.Set{}
	}
	for _, m := range models.Models { // each model comes after those that it reads
		if slices.ContainsFunc(m.Inputs, func(in string) bool { return of[in] }) {
			of[m.Name] = true
		}
	}
	known := tables.All(models)
	return func(table string) bool { return of[table] || !slices.Contains(known, table) }
}

func formerOf(name string, t *lake.Table) Former {
	f := Former{Table: name}
	for _, s := range t.Meta.Snapshots() {
		if s.SnapshotID != t.SnapshotID() {
			f.Snapshots++
		}
	}
	for tag, ref := range t.Meta.Refs() {
		if ref.SnapshotRefType == table.TagRef && ref.SnapshotID != t.SnapshotID() {
			f.Tags = append(f.Tags, tag)
		}
	}
	slices.Sort(f.Tags)
	return f
}

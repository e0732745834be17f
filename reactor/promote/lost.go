package promote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// A column of ours that another engine drops or renames is added again before the next commit, so that no event waits. But it is null
// in the rows that are there, until a replay brings their values. A property of the table says so meanwhile: without it the rows
// would be wrong and nobody would know.

// lostProperty of a silver table has, as JSON, the columns that were lost and added again.
const lostProperty = "millrace.lost-columns"

// lost is the content of lostProperty.
type lost struct {
	Columns []string `json:"columns"`
	AtUS    int64    `json:"at_us"` // when they were added again, the last of them
}

func lostOf(t *lake.Table) (l lost) {
	_ = json.Unmarshal([]byte(t.Meta.Properties()[lostProperty]), &l) // "" is none
	return l
}

// lostProperties are those to set when columns are added to a table: nil where the table never had them, which a newer program does.
func lostProperties(t *lake.Table, added []iceberg.NestedField, now time.Time) iceberg.Properties {
	had := map[string]bool{}
	for _, s := range t.Meta.Schemas() {
		for _, f := range s.Fields() {
			had[f.Name] = true
		}
	}
	l := lostOf(t)
	before := len(l.Columns)
	for _, f := range added {
		if had[f.Name] && !slices.Contains(l.Columns, f.Name) {
			l.Columns = append(l.Columns, f.Name)
		}
	}
	if len(l.Columns) == before && !slices.ContainsFunc(added, func(f iceberg.NestedField) bool { return had[f.Name] }) {
		return nil
	}
	slices.Sort(l.Columns)
	l.AtUS = now.UnixMicro()
	text, err := json.Marshal(l)
	if err != nil {
		panic(fmt.Sprintf("note the lost columns of %s: %v", t.Name, err)) // strings and a number
	}
	return iceberg.Properties{lostProperty: string(text)}
}

// LostColumns returns an error that names the columns of silver which another engine dropped, renamed or gave another type, with
// the command that mends each table; nil when there are none.
func LostColumns(ctx context.Context, l *lake.Lake, view *lake.View) error {
	definitions, fill := tables.OfSilver()
	var all []error
	for _, d := range definitions {
		t := view.Tables[d.Name]
		if t == nil {
			continue
		}
		lacking, err := tables.Lacking(t.Meta, d)
		if err != nil {
			all = append(all, err)
			continue
		}
		of, replay := tables.Silver(), "`reactor replay`" // the refused rows of all datasets
		if dataset := fill[d.Name]; dataset != nil {
			of, replay = []string{dataset.TableName()}, "`reactor replay --dataset "+dataset.Name+"`"
		}
		switch names, key := namesOf(lacking), needed(d, lacking); {
		case key != nil:
			all = append(all, key)
			continue
		case len(names) > 0:
			all = append(all, fmt.Errorf("%s lacks %s: another engine dropped or renamed it; the next object, or a start of the reactor, adds it again, and then %s brings the values back", d.Name, strings.Join(names, ", "), replay))
			continue
		}
		gone := lostOf(t)
		if len(gone.Columns) == 0 {
			continue
		}
		waits, err := l.Before(ctx, of, time.UnixMicro(gone.AtUS))
		if err != nil {
			return err
		}
		if waits {
			all = append(all, fmt.Errorf("%s has lost the values of %s: another engine dropped or renamed it, and rows from before are null; %s brings them back", d.Name, strings.Join(gone.Columns, ", "), replay))
		}
	}
	return errors.Join(all...)
}

// needed is an error when a table lacks a column of its key or lineage: rows that are null there match none of bronze, and would stay
// for ever.
func needed(d lake.Definition, lacking []iceberg.NestedField) error {
	for _, f := range lacking {
		if f.Required {
			return fmt.Errorf("%s lacks %s, which each of its rows needs: another engine dropped or renamed it; rename it back there, or drop the table there (`DROP TABLE lakehouse.%s`) and start the reactor, which makes it anew from bronze", d.Name, f.Name, d.Name)
		}
	}
	return nil
}

func namesOf(fields []iceberg.NestedField) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

// LostByModels returns an error that names the gold tables which lack a column of their model; nil when there are none. The next
// step computes them anew.
func LostByModels(view *lake.View, set *gold.Set) error {
	var all []error
	for _, m := range set.Models {
		t := view.Tables[m.Name]
		if t == nil || t.Meta.Properties()[digestProperty] != m.Digest {
			continue // a step is due anyway
		}
		var names []string
		for _, w := range m.Schema().Fields() {
			if is, ok := t.Meta.CurrentSchema().FindFieldByName(w.Name); !ok || !is.Type.Equals(w.Type) {
				names = append(names, w.Name)
			}
		}
		if len(names) > 0 {
			all = append(all, fmt.Errorf("%s lacks %s: another engine dropped, renamed or changed it; gold's next step computes the table anew: the next object, a start of the reactor, or `reactor replay`", m.Name, strings.Join(names, ", ")))
		}
	}
	return errors.Join(all...)
}

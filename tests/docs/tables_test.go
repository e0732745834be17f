package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

const tablesPage = "docs/tables.md"

// definitions are all tables of the project's own datasets and models.
func definitions(t *testing.T) []lake.Definition {
	t.Helper()
	inputs, err := tables.Inputs()
	if err != nil {
		t.Fatal(err)
	}
	set, err := gold.Load(t.Context(), inputs, "")
	if err != nil {
		t.Fatal(err)
	}
	silver, _ := tables.OfSilver()
	return append(silver, tables.OfGold(set)...)
}

func TestGeneratedTables(t *testing.T) {
	all := definitions(t)
	for _, d := range all {
		hold(t, tablesPage, d.Name, tableText(t, d))
	}
	text, err := os.ReadFile(filepath.Join(root, tablesPage))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "<!-- generated: "); n != len(all) {
		t.Errorf("%s has %d generated parts, and there are %d tables", tablesPage, n, len(all))
	}
}

func tableText(t *testing.T, d lake.Definition) string {
	t.Helper()
	var b strings.Builder
	for i := range d.Spec.Len() {
		f := d.Spec.Field(i)
		source, ok := d.Schema.FindFieldByID(f.SourceIDs[0])
		if !ok {
			t.Fatalf("%s is partitioned by a column that it does not have", d.Name)
		}
		fmt.Fprintf(&b, "Key: `%s`. Partitioned by the %s of `%s`.\n", strings.Join(d.Order, "`, `"), f.Transform, source.Name)
	}
	b.WriteString("\n| column | type | unit | meaning |\n|---|---|---|---|\n")
	for _, f := range d.Schema.Fields() {
		meaning, unit := comment(f.Doc)
		if meaning == "" {
			t.Errorf("%s.%s has no comment: give the dataset's field a Doc, or the model a line `-- column: %s what it holds`", d.Name, f.Name, f.Name)
		}
		if unit == "" && needsUnit(f) {
			t.Errorf("%s.%s is %s, and its comment does not end in a unit in brackets: %q", d.Name, f.Name, f.Type, f.Doc)
		}
		kind := codeCell(f.Type.String())
		if f.Required {
			kind += ", never null"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, kind, cell(unit), cell(meaning))
	}
	return b.String()
}

var unitAtEnd = regexp.MustCompile(`^(.*?)\s*\[([^\]]+)\]$`)

// comment splits a column's comment into its meaning and its unit.
func comment(doc string) (meaning, unit string) {
	if m := unitAtEnd.FindStringSubmatch(doc); m != nil {
		return m[1], m[2]
	}
	return doc, ""
}

// needsUnit is true of amounts: decimals and floats. A whole number may be a rank or a position, which have none.
func needsUnit(f iceberg.NestedField) bool {
	switch f.Type.(type) {
	case iceberg.DecimalType, iceberg.Float32Type, iceberg.Float64Type:
		return true
	}
	return false
}

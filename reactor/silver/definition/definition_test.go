package definition_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"millrace/infra/strict"
	"millrace/reactor/silver/definition"
)

var update = flag.Bool("update", false, "write the JSON Schema anew")

const schemaFile = "../../../docs/dataset.schema.json"

// Editors check files with the schema, and Parse with the same keys.
func TestTheJSONSchemaIsThatOfTheParser(t *testing.T) {
	want, err := definition.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || string(got) != string(want) {
		t.Errorf("docs/dataset.schema.json is not what the parser's keys give (%v): go test ./reactor/silver/definition -update", err)
	}
}

// sound is a definition that nothing is wrong with.
const sound = `name: shop/orders
table: orders
key: [id, observed_at]
fields:
  - {column: id, type: text, required: true}
  - {column: observed_at, path: at, type: time, required: true}
  - {column: total, type: "decimal(18,2)", min: 0}
`

func TestEveryProblemHasItsPlaceAndAdvice(t *testing.T) {
	if _, err := definition.Parse([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"no YAML", sound, "name: [", []string{"it is not YAML: "}},
		{"empty", sound, "", []string{"1:1: the file is empty: a definition begins with `name: <source>/<dataset>`"}},
		{"a list", sound, "- a\n", []string{"1:1: the file is a list: a definition is a mapping"}},
		{"two documents", sound, sound + "---\na: b\n", []string{"a second document begins: write one dataset a file"}},
		{"unknown key", "table: orders", "tabel: orders", []string{
			"1:1: a dataset lacks the key \"table\": Name of the table in the namespace silver", `2:1: a dataset has no key "tabel"; did you mean table?`}},
		{"key twice", "table: orders", "table: orders\ntable: orders", []string{`3:1: the key "table" is there twice`}},
		{"unknown key of a field", "path: at", "pathh: at", []string{`6:27: a field has no key "pathh"; did you mean path?`}},
		{"nothing near", "path: at", "zzzzzzz: at", []string{`a field has no key "zzzzzzz"; known are column, path, also,`}},
		{"name", "shop/orders", "Shop orders", []string{`1:7: the name "Shop orders" is not <source>/<dataset>`}},
		{"table of SQL", "table: orders", "table: order", []string{`2:8: the table "order" is a word of SQL: it would need quotes everywhere; choose another name`}},
		{"rejected", "table: orders", "table: rejected", []string{"2:8: the table rejected is that of refused rows: choose another name"}},
		{"column with a capital", "column: total", "column: Total", []string{`the column "Total" is not made of a-z, 0-9 and _`}},
		{"other name of a type", "type: text", "type: string", []string{`5:24: the type "string": "string" is called text here`}},
		{"near type", "type: text", "type: txt", []string{`"txt" is no type; did you mean text?`}},
		{"decimal without digits", `"decimal(18,2)"`, "decimal", []string{"write its digits in all and behind the point: decimal(38,18)"}},
		{"decimal with too many", `"decimal(18,2)"`, `"decimal(40,2)"`, []string{"7:5: field total: decimal(40,2): a decimal has 1 to 38 digits"}},
		{"rest of a type", "type: text", `type: "text)"`, []string{`")" follows its end`}},
		{"deep type", "type: text", "type: " + strings.Repeat("list<", 20) + "text" + strings.Repeat(">", 20), []string{"types are nested deeper than 8"}},
		{"unit", "type: time", "type: time(h)", []string{`6:5: field observed_at: the unit "h": a time is counted in s, ms, us or ns`}},
		{"key that is not required", "{column: id, type: text, required: true}", "{column: id, type: text}", []string{"5:5: key column id must be a required field"}},
		{"key without time", "[id, observed_at]", "[id]", []string{"3:6: observed_at must be part of the key: gold goes by its days"}},
		{"key twice in the list", "[id, observed_at]", "[id, id, observed_at]", []string{`3:11: "id" is there twice`}},
		{"bound", "min: 0", "min: many", []string{"7:5: field total: the bound many is no decimal(18,2)"}},
		{"below", "min: 0", "below: 5", []string{`below is "5": write a power of ten, such as 1e10`}},
		{"default", "min: 0", "default: many", []string{`7:5: field total: its default "many" cannot be its value: it "many" is not a number`}},
		{"max of a time", "path: at, type: time", "path: at, type: time, max: 2030-01-01", []string{"a time has no max"}},
		{"path", "path: at", "path: a..b", []string{`6:5: field observed_at: the path "a..b": a name is missing behind a dot`}},
		{"partition", "key: [id", "partition: week\nkey: [id", []string{`3:12: partition is "week": known are month, day, year, hour, identity(column), bucket(n, column) and none`}},
		{"partition that is near", "key: [id", "partition: months\nkey: [id", []string{"did you mean month?"}},
		{"partition without a column", "key: [id", "partition: identity\nkey: [id", []string{`3:12: partition is "identity": known are`}},
		{"partition by no column", "key: [id", "partition: identity(city)\nkey: [id", []string{`3:12: the partition identity(city): "city" is no column`}},
		{"buckets", "key: [id", "partition: bucket(many, id)\nkey: [id", []string{`3:12: partition is "bucket(many, id)": the first value of bucket is how many there are: bucket(16, id)`}},
		{"too many buckets", "key: [id", "partition: bucket(1000, id)\nkey: [id", []string{"3:12: the partition bucket(1000, id): there are 2 to 256 buckets"}},
		{"partition by a number of any size", "key: [id", "partition: month(observed_at)\nkey: [id", []string{`3:12: partition is "month(observed_at)": known are month`}},
		{"winner", "key: [id", "winner: first\nkey: [id", []string{`3:9: winner is "first": known are latest, earliest, greatest(column) and least(column)`}},
		{"winner by no column", "key: [id", "winner: greatest(version)\nkey: [id", []string{`3:9: the winner greatest(version): "version" is no column`}},
		{"winner without a column", "key: [id", "winner: least\nkey: [id", []string{`3:9: winner is "least": known are`}},
		{"former name", "min: 0", "was: [id]", []string{"7:5: field total: its former name id is that of a column"}},
		{"alias", "table: orders", "table: &t orders", []string{"2:8: anchors and aliases are not taken here: write the value out"}},
		{"boolean", "required: true", "required: yes please", []string{`"yes please" is where true or false belongs`}},
		{"from", "min: 0", "from: {metadat: total}", []string{`from has no key "metadat"; did you mean metadata?`}},
		{"envelope without one", "min: 0", "from: {envelope: total}", []string{"7:5: field total: its value is around the rows, but nothing is around them"}},
		{"pattern", "fields:", "name_pattern: '(?<shop>.*)'\nfields:", []string{"4:15: the pattern of names has the group shop, which is no column"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := definition.Parse([]byte(strings.Replace(sound, c.old, c.new, 1)))
			var problems strict.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("%v: want problems", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got\n%v\nwant\n%s", err, want)
				}
			}
		})
	}
}

// All that is wrong is said at once, in the file's order.
func TestAllProblemsAreReported(t *testing.T) {
	_, err := definition.Parse([]byte(strings.NewReplacer("table: orders", "tabel: x", "type: text", "type: txt", "min: 0", "minn: 0").Replace(sound)))
	var problems strict.Problems
	if !errors.As(err, &problems) || len(problems) != 4 {
		t.Fatalf("got %d problems:\n%v", len(problems), err)
	}
	if got := problems.In("shop/orders.yaml").Error(); !strings.HasPrefix(got, "shop/orders.yaml:1:1: ") {
		t.Errorf("got %s", got)
	}
}

// What a file says of partitions and winners is what the dataset writes of them.
func TestPartitionsAndWinnersAreReadAsTheyAreWritten(t *testing.T) {
	for _, partition := range []string{"month", "day", "year", "hour", "none", "identity(id)", "bucket(16, id)"} {
		for _, winner := range []string{"latest", "earliest", "greatest(total)", "least(observed_at)"} {
			d, err := definition.Parse([]byte(strings.Replace(sound, "key: [id", "partition: "+partition+"\nwinner: "+winner+"\nkey: [id", 1)))
			if err != nil {
				t.Fatal(err)
			}
			if d.Partition.String() != partition || d.Winner.String() != winner {
				t.Errorf("%s, %s are read as %s, %s", partition, winner, d.Partition, d.Winner)
			}
		}
	}
}

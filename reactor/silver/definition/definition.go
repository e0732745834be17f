// Package definition reads a dataset from its YAML file. It is strict: what it does not know it refuses, with line, column and
// advice. The same list of keys makes the JSON Schema that editors check files with.
package definition

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"millrace/infra/strict"
	"millrace/ingestor/recipe"
	"millrace/reactor/silver"
)

// maxBytes of a file. A definition of a thousand fields has a tenth of it.
const maxBytes = 1 << 20

// Parse reads a definition. An error is [strict.Problems], all that were found.
func Parse(text []byte) (*silver.Dataset, error) {
	if len(text) > maxBytes {
		return nil, strict.Problems{{Line: 1, Column: 1, Text: fmt.Sprintf("the file has %d bytes: a definition has at most %d", len(text), maxBytes)}}
	}
	root, problem := recipe.File.Document(text)
	if problem != nil {
		return nil, strict.Problems{*problem}
	}
	r := &reader{Reader: strict.Reader{Hint: hint}, columns: map[string]*yaml.Node{}}
	d := r.dataset(root)
	if len(r.Problems) == 0 {
		defined, err := silver.New(d)
		if err == nil {
			return defined, nil
		}
		r.Say(r.whereOf(err, root), "%v", err)
	}
	r.Problems.Sort()
	return nil, r.Problems
}

// nameForm and wordForm are the forms of names: those in keys of bronze, and those of tables and columns.
var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*$`)
	wordForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func (r *reader) dataset(root *yaml.Node) silver.Dataset {
	at := r.mapping(root, datasetKeys, "a dataset")
	d := silver.Dataset{Name: r.Text(at["name"]), Table: r.Text(at["table"]), Doc: r.Text(at["doc"]), Key: r.Texts(at["key"])}
	if at["name"] != nil && d.Name != "" && !nameForm.MatchString(d.Name) {
		r.Say(at["name"], "the name %q is not <source>/<dataset>, each of a-z, 0-9, _ and -: objects are below bronze/<source>/<dataset>/", d.Name)
	}
	r.word(at["table"], d.Table, "table")
	if d.Table == silver.RejectedTable {
		r.Say(at["table"], "the table %s is that of refused rows: choose another name", d.Table)
	}
	r.rows(at["rows"], &d)
	if text := r.Text(at["name_pattern"]); text != "" {
		pattern, err := regexp.Compile(text)
		if err != nil {
			r.Say(at["name_pattern"], "the pattern is no regular expression: %v", err)
		} else if len(strings.Join(pattern.SubexpNames(), "")) == 0 {
			r.Say(at["name_pattern"], "the pattern names no group: write (?<column>…) for what it finds in the name")
		}
		d.NamePattern = pattern
	}
	d.Partition, d.Winner = r.partition(at["partition"]), r.winner(at["winner"])
	d.Forget = r.one(at["unknown"]) == "drop"
	d.Fields = r.fields(at["fields"])
	d.Later = r.fields(at["later"])
	r.fetch(at["fetch"])
	return d
}

// fetch holds the block to the ingestor's rules. What it says is not part of the dataset: the table does not depend on it.
func (r *reader) fetch(node *yaml.Node) {
	if node == nil {
		return
	}
	other := &strict.Reader{}
	recipe.Read(node, other)
	r.Problems = append(r.Problems, other.Problems...)
}

func (r *reader) rows(node *yaml.Node, d *silver.Dataset) {
	if node == nil {
		return
	}
	at := r.mapping(node, rowsKeys, "rows")
	d.At, d.Lone, d.Example = r.Text(at["at"]), r.Text(at["one"]), r.Text(at["example"])
	d.Positions = r.one(at["each"]) == "list"
}

// word checks the name of a table or a column: engines and SQL models write it without quotes.
func (r *reader) word(node *yaml.Node, word, what string) {
	if node == nil || word == "" {
		return
	}
	if !wordForm.MatchString(word) {
		r.Say(node, "the %s %q is not made of a-z, 0-9 and _, beginning with a letter: SQL could not name it without quotes", what, word)
	} else if reserved[word] {
		r.Say(node, "the %s %q is a word of SQL: it would need quotes everywhere; choose another name", what, word)
	}
}

var inError = regexp.MustCompile(`^(?:key )?(?:field|column) "?([a-z0-9_]+)`)

// whereOf finds the field that an error of the whole definition is about.
func (r *reader) whereOf(err error, root *yaml.Node) *yaml.Node {
	if m := inError.FindStringSubmatch(err.Error()); m != nil && r.columns[m[1]] != nil {
		return r.columns[m[1]]
	}
	for _, about := range [][2]string{{"must be part of the key", "key"}, {"key column", "key"}, {"where the rows are", "rows"}, {"the lone row", "rows"}, {"the pattern of names", "name_pattern"}, {"the partition", "partition"}, {"the winner", "winner"}} {
		if strings.Contains(err.Error(), about[0]) {
			if node := valueOf(root, about[1]); node != nil {
				return node
			}
		}
	}
	return root
}

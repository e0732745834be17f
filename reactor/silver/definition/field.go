package definition

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"millrace/infra/strict"
	"millrace/reactor/silver"
)

// maxFields of a dataset: each is a column of a table, and of each of its files.
const maxFields = 1000

func (r *reader) fields(node *yaml.Node) []silver.Field {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		r.Say(node, "%s is where a list of fields belongs: write `- {column: …, type: …}` for each", strict.KindOf(node))
		return nil
	}
	if len(node.Content) > maxFields {
		r.Say(node, "%d fields are too many: a dataset has at most %d", len(node.Content), maxFields)
		return nil
	}
	var all []silver.Field
	for _, n := range node.Content {
		all = append(all, r.field(n))
	}
	return all
}

func (r *reader) field(node *yaml.Node) silver.Field {
	at := r.mapping(node, fieldKeys, "a field")
	f := silver.Field{
		Column: r.Text(at["column"]), From: r.Text(at["path"]), Names: r.Texts(at["also"]), Was: r.Texts(at["was"]), Also: r.Text(at["confirmed_by"]),
		Required: r.boolean(at["required"]), Allowed: r.Texts(at["values"]), MaxBytes: r.count(at["max_bytes"]),
		Missing: r.Text(at["missing"]), EarliestIs: r.Text(at["min_is"]), Doc: r.Text(at["doc"]),
	}
	if f.From == "" {
		f.From = f.Column
	}
	if r.word(at["column"], f.Column, "column"); f.Column != "" {
		r.columns[f.Column] = node
	}
	if at["type"] != nil {
		r.typeOf(at["type"], &f)
	}
	if at["from"] != nil {
		from := r.mapping(at["from"], fromKeys, "from")
		f.Envelope, f.Metadata = r.Text(from["envelope"]), r.Text(from["metadata"])
		f.ListName, f.IngestDate = r.boolean(from["list_name"]), r.boolean(from["ingest_date"])
	}
	r.bounds(at, &f)
	if at["default"] != nil {
		f.Default = r.json(at["default"])
	}
	return f
}

func (r *reader) bounds(at map[string]*yaml.Node, f *silver.Field) {
	if node := at["min"]; node != nil {
		switch text := r.Text(node); {
		case f.Type == silver.Time || f.Type == silver.Date:
			f.Earliest = r.moment(node)
		case text == "0":
			f.NonNegative = true
		default:
			f.Least = &silver.Bound{Text: text}
		}
	}
	if node := at["min_is"]; node != nil && f.Earliest.IsZero() {
		r.Say(node, "min_is says what happened at the earliest time, but min gives none")
	}
	if node := at["max"]; node != nil {
		if f.Type == silver.Time || f.Type == silver.Date {
			r.Say(node, "a time has no max: what is more than a day after its object was stored is refused anyway")
		}
		f.Most = &silver.Bound{Text: r.Text(node)}
	}
	if node := at["below"]; node != nil {
		if f.Below = powerOfTen(r.Text(node)); f.Below == 0 {
			r.Say(node, "below is %q: write a power of ten, such as 1e10", node.Value)
		}
	}
}

// moment reads a date or a time of a bound.
func (r *reader) moment(node *yaml.Node) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, node.Value); err == nil {
			return t.UTC()
		}
	}
	r.Say(node, "%q is no time: write 2009-01-03 or 2009-01-03T18:15:05Z", node.Value)
	return time.Time{}
}

// powerOfTen reads 1e10 or 10000000000 as 10. It is 0 for what is no power of ten, and for 1.
func powerOfTen(text string) int {
	if exponent, ok := strings.CutPrefix(text, "1e"); ok {
		n, err := strconv.Atoi(exponent)
		if err != nil || n < 1 || n > 38 {
			return 0
		}
		return n
	}
	zeros, ok := strings.CutPrefix(text, "1")
	if !ok || strings.Trim(zeros, "0") != "" || len(zeros) > 38 {
		return 0
	}
	return len(zeros)
}

// json turns a YAML value into JSON; numbers keep their digits.
func (r *reader) json(node *yaml.Node) string {
	out := r.appendJSON(nil, node, 0)
	if !jsontext.Value(out).IsValid() {
		r.Say(node, "the value cannot be written as JSON")
		return ""
	}
	return string(out)
}

func (r *reader) appendJSON(out []byte, node *yaml.Node, depth int) []byte {
	if depth > 20 {
		return append(out, '!') // no JSON
	}
	switch node.Kind {
	case yaml.SequenceNode:
		out = append(out, '[')
		for i, n := range node.Content {
			if i > 0 {
				out = append(out, ',')
			}
			out = r.appendJSON(out, n, depth+1)
		}
		return append(out, ']')
	case yaml.MappingNode:
		out = append(out, '{')
		for i := 0; i+1 < len(node.Content); i += 2 {
			if i > 0 {
				out = append(out, ',')
			}
			out, _ = jsontext.AppendQuote(out, node.Content[i].Value)
			out = r.appendJSON(append(out, ':'), node.Content[i+1], depth+1)
		}
		return append(out, '}')
	case yaml.ScalarNode:
		if slices.Contains([]string{"!!int", "!!float", "!!bool"}, node.Tag) {
			return append(out, node.Value...)
		}
		if node.Tag == "!!null" {
			return append(out, "null"...)
		}
		out, _ = jsontext.AppendQuote(out, node.Value)
		return out
	}
	return append(out, '!')
}

package definition

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"millrace/reactor/silver"
)

// simple are the types without anything inside.
var simple = map[string]silver.Type{
	"text": silver.Text, "boolean": silver.Boolean, "integer": silver.Integer, "long": silver.Long, "double": silver.Double,
	"time": silver.Time, "date": silver.Date, "json": silver.JSON,
}

// typeNames are all, for advice and the JSON Schema.
var typeNames = []string{"text", "boolean", "integer", "long", "decimal(38,18)", "double", "time", "time(s)", "time(ms)", "time(us)", "time(ns)", "date", "json", "list<text>", "map<text, text>", "struct<name: text>"}

// otherNames are what SQL and programming languages call the types.
var otherNames = map[string]string{
	"string": "text", "varchar": "text", "str": "text", "bool": "boolean", "int": "integer", "int32": "integer", "bigint": "long", "int64": "long",
	"float": "double", "float64": "double", "number": "decimal(38,18), or double where the last digits do not matter", "numeric": "decimal(38,18)", "decimal": "decimal(38,18)",
	"timestamp": "time", "timestamptz": "time", "datetime": "time", "object": "struct<name: type>, or json", "array": "list<type>", "list": "list<type>", "map": "map<text, type>", "struct": "struct<name: type>",
}

// maxTypeDepth of types in each other.
const maxTypeDepth = 8

// typeOf reads the type of a field.
func (r *reader) typeOf(node *yaml.Node, f *silver.Field) {
	written := r.Text(node)
	if written == "" {
		return
	}
	p := &typeParser{rest: written}
	if err := p.read(f, 0); err != nil {
		r.Say(node, "the type %q: %v", written, err)
		return
	}
	if p.skip(); p.rest != "" {
		r.Say(node, "the type %q: %q follows its end", written, p.rest)
	}
}

// typeParser reads a type from the left.
type typeParser struct{ rest string }

func (p *typeParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *typeParser) word() string {
	p.skip()
	end := strings.IndexFunc(p.rest, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_'
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

// take reads a sign; it returns whether it was there.
func (p *typeParser) take(sign string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.rest, sign)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *typeParser) need(sign string) error {
	if !p.take(sign) {
		return fmt.Errorf("%s is missing before %q", sign, p.rest)
	}
	return nil
}

func (p *typeParser) read(f *silver.Field, depth int) error {
	if depth > maxTypeDepth {
		return fmt.Errorf("types are nested deeper than %d", maxTypeDepth)
	}
	switch word := p.word(); word {
	case "time":
		f.Type = silver.Time
		if p.take("(") {
			f.Unit = p.word()
			return p.need(")")
		}
		return nil
	case "decimal":
		return p.decimal(f)
	case "list", "map", "struct":
		if !p.take("<") {
			return fmt.Errorf("write %s", otherNames[word])
		}
		return p.nested(f, word, depth)
	default:
		t, ok := simple[word]
		if !ok {
			if other, known := otherNames[strings.ToLower(word)]; known {
				return fmt.Errorf("%q is called %s here", word, other)
			}
			return fmt.Errorf("%q is no type%s; known are %s", word, hint(word, []string{"text", "boolean", "integer", "long", "decimal", "double", "time", "date", "json", "list", "map", "struct"}), strings.Join(typeNames, ", "))
		}
		f.Type = t
		return nil
	}
}

func (p *typeParser) decimal(f *silver.Field) error {
	f.Type = silver.Decimal
	if !p.take("(") {
		return fmt.Errorf("write its digits in all and behind the point: decimal(38,18)")
	}
	var err1, err2 error
	f.Precision, err1 = strconv.Atoi(p.word())
	comma := p.take(",")
	f.Scale, err2 = strconv.Atoi(p.word())
	if err1 != nil || err2 != nil || !comma || !p.take(")") {
		return fmt.Errorf("write its digits in all and behind the point: decimal(38,18)")
	}
	return nil
}

func (p *typeParser) nested(f *silver.Field, word string, depth int) error {
	switch word {
	case "list":
		f.Type, f.Inner = silver.List, []silver.Field{{Column: "element", From: "element"}}
	case "map":
		f.Type, f.Inner = silver.Map, []silver.Field{{Column: "value", From: "value"}}
		if name := p.word(); name != "text" {
			return fmt.Errorf("the names in a map are text: write map<text, …>")
		}
		if err := p.need(","); err != nil {
			return err
		}
	case "struct":
		return p.members(f, depth)
	}
	if err := p.read(&f.Inner[0], depth+1); err != nil {
		return err
	}
	if in := f.Inner[0]; depth == 0 && f.Type == silver.Map && in.Type == silver.List && in.Inner[0].Type == silver.Text {
		f.Type, f.Inner = silver.TextLists, nil
	}
	return p.need(">")
}

func (p *typeParser) members(f *silver.Field, depth int) error {
	f.Type = silver.Struct
	for {
		name := p.word()
		if !wordForm.MatchString(strings.ToLower(name)) {
			return fmt.Errorf("a member has no name before %q: write struct<name: type, …>", p.rest)
		}
		if err := p.need(":"); err != nil {
			return err
		}
		m := silver.Field{Column: name, From: name}
		if err := p.read(&m, depth+1); err != nil {
			return err
		}
		if f.Inner = append(f.Inner, m); len(f.Inner) > maxFields {
			return fmt.Errorf("it has more than %d members", maxFields)
		}
		if p.take(">") {
			return nil
		}
		if err := p.need(","); err != nil {
			return err
		}
	}
}

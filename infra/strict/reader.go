package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxProblems is how many are reported: a file of another kind has thousands.
const maxProblems = 50

// File says in problems what a file is for: it has one One, Whole is the mapping in it, and First is what that begins with.
type File struct{ One, Whole, First string }

// Document returns the one mapping of a YAML text.
func (f File) Document(text []byte) (*yaml.Node, *Problem) {
	var doc, more yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(text))
	err := in.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, &Problem{Line: 1, Column: 1, Text: "the file is empty: " + f.Whole + " begins with " + f.First}
	case err != nil:
		return nil, notYAML(err)
	}
	if err := in.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, notYAML(err)
		}
		return nil, &Problem{Line: more.Line, Column: more.Column, Text: "a second document begins: write one " + f.One + " a file"}
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, &Problem{Line: root.Line, Column: root.Column, Text: "the file is " + KindOf(root) + ": " + f.Whole + " is a mapping that begins with " + f.First}
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func notYAML(err error) *Problem {
	p := &Problem{Line: 1, Column: 1}
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		_, _ = fmt.Sscan(m[1], &p.Line)
		text = text[len(m[0]):]
	}
	p.Text = "it is not YAML: " + text
	return p
}

// Reader walks through a file and gathers what is wrong with it.
type Reader struct {
	Problems Problems
	// Hint names which of the known words was probably meant, "" when none is near (default: it never does).
	Hint func(word string, known []string) string
}

// Say adds a problem at a node.
func (r *Reader) Say(node *yaml.Node, format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{Line: node.Line, Column: node.Column, Text: fmt.Sprintf(format, args...)})
	}
}

// KindOf names what a node is.
func KindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if node.Tag == "!!null" {
		return "nothing"
	}
	return "a single value"
}

// Mapping returns the values of a mapping by key. Unknown, repeated and missing keys are problems.
func (r *Reader) Mapping(node *yaml.Node, known []Key, what string) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	if node.Kind != yaml.MappingNode {
		r.Say(node, "%s is %s: write it as a mapping with %s", what, KindOf(node), strings.Join(names(known), ", "))
		return found
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		at := slices.IndexFunc(known, func(k Key) bool { return k.Name == name.Value })
		switch {
		case at < 0 || name.Kind != yaml.ScalarNode:
			r.Say(name, "%s has no key %q%s", what, name.Value, r.advice(name.Value, known))
		case found[name.Value] != nil:
			r.Say(name, "the key %q is there twice", name.Value)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			r.Say(value, "anchors and aliases are not taken here: write the value out")
		default:
			found[name.Value] = value
			if values := known[at].Values; len(values) > 0 && !slices.Contains(values, value.Value) {
				r.Say(value, "%s is %q: known are %s%s", name.Value, value.Value, strings.Join(values, ", "), r.hint(value.Value, values))
			}
		}
	}
	for _, k := range known {
		if k.Needed && found[k.Name] == nil {
			r.Say(node, "%s lacks the key %q: %s", what, k.Name, k.Doc)
		}
	}
	return found
}

func names(known []Key) []string {
	list := make([]string, len(known))
	for i, k := range known {
		list[i] = k.Name
	}
	return list
}

// advice names the key that was meant, else all there are.
func (r *Reader) advice(name string, known []Key) string {
	if h := r.hint(name, names(known)); h != "" {
		return h
	}
	return "; known are " + strings.Join(names(known), ", ")
}

func (r *Reader) hint(word string, known []string) string {
	if r.Hint == nil {
		return ""
	}
	return r.Hint(word, known)
}

// Text reads a single value as it is written; nil is "".
func (r *Reader) Text(node *yaml.Node) string {
	switch {
	case node == nil:
		return ""
	case node.Kind != yaml.ScalarNode || node.Tag == "!!null":
		r.Say(node, "%s is where a text belongs", KindOf(node))
		return ""
	case node.Value == "":
		r.Say(node, "the text is empty: leave the key out, or write a value")
	}
	return node.Value
}

// Texts reads a list of different texts.
func (r *Reader) Texts(node *yaml.Node) []string {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		r.Say(node, "%s is where a list of texts belongs: write [a, b]", KindOf(node))
		return nil
	}
	var all []string
	for _, n := range node.Content {
		if text := r.Text(n); slices.Contains(all, text) {
			r.Say(n, "%q is there twice", text)
		} else {
			all = append(all, text)
		}
	}
	return all
}

// Pair is a name with its value.
type Pair struct {
	Name  string
	Value *yaml.Node
}

// Pairs reads a mapping of names of the user's own, in its order. Every value is a text.
func (r *Reader) Pairs(node *yaml.Node) []Pair {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		r.Say(node, "%s is where names with values belong: write {name: value}", KindOf(node))
		return nil
	}
	var all []Pair
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		switch {
		case r.Text(name) == "" || value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			r.Say(value, "%s is where a text belongs", KindOf(value))
		case slices.ContainsFunc(all, func(p Pair) bool { return p.Name == name.Value }):
			r.Say(name, "%q is there twice", name.Value)
		default:
			all = append(all, Pair{name.Value, value})
		}
	}
	return all
}

// Count reads a whole number within bounds; nil is the default.
func (r *Reader) Count(node *yaml.Node, byDefault, least, most int) int {
	if node == nil {
		return byDefault
	}
	n, err := strconv.Atoi(node.Value)
	if err != nil || n < least || n > most {
		r.Say(node, "%q is where a whole number from %d to %d belongs", node.Value, least, most)
		return byDefault
	}
	return n
}

// Duration reads a time span such as 30s; nil is the default.
func (r *Reader) Duration(node *yaml.Node, byDefault, most time.Duration) time.Duration {
	if node == nil {
		return byDefault
	}
	d, err := time.ParseDuration(node.Value)
	if err != nil || d <= 0 || d > most {
		r.Say(node, "%q is where a time such as 30s or 5m belongs, at most %s", node.Value, most)
		return byDefault
	}
	return d
}

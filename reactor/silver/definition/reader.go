package definition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"millrace/reactor/silver"
)

// reader walks through a file and gathers what is wrong with it.
type reader struct {
	problems Problems
	columns  map[string]*yaml.Node // where each field begins
}

// maxProblems is how many are reported: a file of another kind has thousands.
const maxProblems = 50

func (r *reader) say(node *yaml.Node, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{Line: node.Line, Column: node.Column, Text: fmt.Sprintf(format, args...)})
	}
}

func kindOf(node *yaml.Node) string {
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

// mapping returns the values of a mapping by key. Unknown, repeated and missing keys are problems.
func (r *reader) mapping(node *yaml.Node, known []key, what string) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	if node.Kind != yaml.MappingNode {
		r.say(node, "%s is %s: write it as a mapping with %s", what, kindOf(node), names(known))
		return found
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		at := slices.IndexFunc(known, func(k key) bool { return k.name == name.Value })
		switch {
		case at < 0 || name.Kind != yaml.ScalarNode:
			r.say(name, "%s has no key %q%s", what, name.Value, advice(name.Value, known))
		case found[name.Value] != nil:
			r.say(name, "the key %q is there twice", name.Value)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			r.say(value, "anchors and aliases are not taken here: write the value out")
		default:
			found[name.Value] = value
			r.known(known[at], value)
		}
	}
	for _, k := range known {
		if k.needed && found[k.name] == nil {
			r.say(node, "%s lacks the key %q: %s", what, k.name, k.doc)
		}
	}
	return found
}

// known holds a value to those that its key may have.
func (r *reader) known(k key, value *yaml.Node) {
	if len(k.values) == 0 || slices.Contains(k.values, value.Value) {
		return
	}
	r.say(value, "%s is %q: known are %s%s", k.name, value.Value, strings.Join(k.values, ", "), hint(value.Value, k.values))
}

func names(known []key) string {
	list := make([]string, len(known))
	for i, k := range known {
		list[i] = k.name
	}
	return strings.Join(list, ", ")
}

// advice names the key that was meant, else all there are.
func advice(name string, known []key) string {
	var all []string
	for _, k := range known {
		all = append(all, k.name)
	}
	if h := hint(name, all); h != "" {
		return h
	}
	return "; known are " + strings.Join(all, ", ")
}

// longestHinted is the length of the longest word that is compared letter by letter: nothing that is known is nearly as long.
const longestHinted = 64

// hint names what was probably meant, "" when nothing is near.
func hint(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		distance := len(word)
		switch {
		case silver.PlainName(word) == silver.PlainName(k):
			distance = 0
		case len(word) <= longestHinted:
			distance = silver.Distance(strings.ToLower(word), k)
		}
		if distance < least && distance < len(k) {
			best, least = k, distance
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// text reads a single value as it is written; nil is "".
func (r *reader) text(node *yaml.Node) string {
	switch {
	case node == nil:
		return ""
	case node.Kind != yaml.ScalarNode || node.Tag == "!!null":
		r.say(node, "%s is where a text belongs", kindOf(node))
		return ""
	case node.Value == "":
		r.say(node, "the text is empty: leave the key out, or write a value")
	}
	return node.Value
}

// one reads a value out of a list of known ones, which mapping has looked at.
func (r *reader) one(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}

func (r *reader) texts(node *yaml.Node) []string {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		r.say(node, "%s is where a list of texts belongs: write [a, b]", kindOf(node))
		return nil
	}
	var all []string
	for _, n := range node.Content {
		if text := r.text(n); slices.Contains(all, text) {
			r.say(n, "%q is there twice", text)
		} else {
			all = append(all, text)
		}
	}
	return all
}

func (r *reader) boolean(node *yaml.Node) bool {
	if node != nil && node.Tag != "!!bool" {
		r.say(node, "%q is where true or false belongs", node.Value)
	}
	return node != nil && node.Value == "true"
}

func (r *reader) count(node *yaml.Node) int {
	if node == nil {
		return 0
	}
	n, err := strconv.Atoi(node.Value)
	if err != nil || n < 1 {
		r.say(node, "%q is where a whole number from 1 on belongs", node.Value)
	}
	return n
}

// valueOf is the value of a key of a mapping, nil when it has none.
func valueOf(node *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i+1]
		}
	}
	return nil
}

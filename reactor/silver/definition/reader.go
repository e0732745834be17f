package definition

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"millrace/infra/strict"
	"millrace/reactor/silver"
)

// reader walks through a file and gathers what is wrong with it.
type reader struct {
	strict.Reader
	columns map[string]*yaml.Node // where each field begins
}

// mapping returns the values of a mapping by key. Unknown, repeated and missing keys are problems.
func (r *reader) mapping(node *yaml.Node, known []key, what string) map[string]*yaml.Node {
	keys := make([]strict.Key, len(known))
	for i, k := range known {
		keys[i] = strict.Key{Name: k.name, Needed: k.needed, Values: k.values, Doc: k.doc}
	}
	return r.Mapping(node, keys, what)
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

// one reads a value out of a list of known ones, which mapping has looked at.
func (r *reader) one(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}

func (r *reader) boolean(node *yaml.Node) bool {
	if node != nil && node.Tag != "!!bool" {
		r.Say(node, "%q is where true or false belongs", node.Value)
	}
	return node != nil && node.Value == "true"
}

func (r *reader) count(node *yaml.Node) int {
	if node == nil {
		return 0
	}
	n, err := strconv.Atoi(node.Value)
	if err != nil || n < 1 {
		r.Say(node, "%q is where a whole number from 1 on belongs", node.Value)
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

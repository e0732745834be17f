package rest

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace/reactor/lake"
)

// separator is between the levels of a namespace in a path or query.
const separator = "\x1f"

// longestName bounds a level of a namespace, and the name of a table or view: Java's catalogs keep 255 characters.
const longestName = 255

// namespaceOf reads the namespace of a request's path.
func namespaceOf(r *http.Request) (string, error) {
	return joined(strings.Split(r.PathValue("namespace"), separator))
}

// tableOf reads the table, viewOf the view, of a request's path.
func tableOf(r *http.Request) (lake.Identifier, error) { return identifierOf(r, lake.KindTable) }
func viewOf(r *http.Request) (lake.Identifier, error)  { return identifierOf(r, lake.KindView) }

func identifierOf(r *http.Request, kind lake.Kind) (lake.Identifier, error) {
	namespace, err := namespaceOf(r)
	if err != nil {
		return lake.Identifier{}, err
	}
	return lake.Identifier{Namespace: namespace, Name: r.PathValue(word(kind))}, nil
}

// identifier is how a body names a table or view.
type identifier struct {
	Namespace []string `json:"namespace"`
	Name      string   `json:"name"`
}

func (i identifier) parse() (lake.Identifier, error) {
	namespace, err := joined(i.Namespace)
	if err != nil {
		return lake.Identifier{}, err
	}
	if i.Name == "" {
		return lake.Identifier{}, bad("a table or view needs a name")
	}
	return lake.Identifier{Namespace: namespace, Name: i.Name}, nil
}

// joined makes a namespace of its levels. The levels are joined by dots, as in JDBC catalogs; a level with a dot could not be told
// from two.
func joined(levels []string) (string, error) {
	if len(levels) == 0 {
		return "", bad("a namespace needs a level: the catalog has no tables outside namespaces")
	}
	for _, level := range levels {
		if err := checkName("namespace", level); err != nil {
			return "", err
		}
	}
	return strings.Join(levels, "."), nil
}

// levels cuts a namespace.
func levels(namespace string) []string { return strings.Split(namespace, ".") }

// named is an identifier as an answer has it.
func named(namespace, name string) identifier { return identifier{levels(namespace), name} }

// checkName refuses a name that could be taken for another one, for a path, or for nothing.
func checkName(kind, name string) error {
	switch {
	case name == "":
		return bad("a " + kind + " needs a name")
	case !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return bad("the name of a " + kind + " must be text without control characters")
	case strings.ContainsAny(name, `./\`):
		return bad("the name of a " + kind + " must have no dot, slash or backslash")
	case utf8.RuneCountInString(name) > longestName:
		return bad("the name of a " + kind + " must have no more than 255 characters")
	}
	return nil
}

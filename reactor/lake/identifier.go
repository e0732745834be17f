package lake

import (
	"fmt"
	"strings"
)

// Identifier names a table or a view of the catalog. The levels of its namespace are joined by dots, as Iceberg's JDBC catalogs
// join them. Written, it is namespace.name.
type Identifier struct{ Namespace, Name string }

// parseName cuts a written name at its last dot: what is before it may be a namespace of several levels.
func parseName(name string) (Identifier, error) {
	dot := strings.LastIndex(name, ".")
	if dot <= 0 || dot == len(name)-1 {
		return Identifier{}, fmt.Errorf("%q is no table name: it must be namespace.table", name)
	}
	return Identifier{name[:dot], name[dot+1:]}, nil
}

func (id Identifier) String() string { return id.Namespace + "." + id.Name }

// folder is the place of a table of silver or gold below the root of the lake.
func (id Identifier) folder() string {
	return strings.ReplaceAll(id.Namespace, ".", "/") + "/" + id.Name
}

// Owned tells whether a table or view is in a namespace of millrace's own.
func (id Identifier) Owned() bool { return OwnedNamespace(id.Namespace) }

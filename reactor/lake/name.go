package lake

import (
	"fmt"
	"strings"
)

// tableName is the name of a table in its two parts. Written, it is namespace.table.
type tableName struct{ namespace, table string }

// parseName cuts a written name.
func parseName(name string) (tableName, error) {
	namespace, table, ok := strings.Cut(name, ".")
	if !ok || namespace == "" || table == "" {
		return tableName{}, fmt.Errorf("%q is no table name: it must be namespace.table", name)
	}
	return tableName{namespace, table}, nil
}

func (n tableName) String() string { return n.namespace + "." + n.table }

// folder is the place of the table below the root of the lake.
func (n tableName) folder() string { return n.namespace + "/" + n.table }

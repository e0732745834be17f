package lake

import "github.com/apache/iceberg-go"

// ColumnNames returns the names of a schema's columns, in its order.
func ColumnNames(schema *iceberg.Schema) []string {
	names := make([]string, 0, schema.NumFields())
	for _, f := range schema.Fields() {
		names = append(names, f.Name)
	}
	return names
}

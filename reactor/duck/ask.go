package duck

import (
	"context"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Ask is Query for SQL that a user wrote. It takes a select, which may follow statements that create its input: DuckDB turns a
// pivot into such statements. A locked database keeps every statement away from files, network and settings, but some calls
// (`call enable_logging(…)`) pass and make the connection useless, so Ask refuses them.
func (c *Conn) Ask(ctx context.Context, sql string) (*Rows, error) { return c.query(ctx, sql, reading) }

// anything refuses nothing.
func anything(bindings.StatementType, bool) string { return "" }

// reading refuses statements that do more than read.
func reading(kind bindings.StatementType, last bool) string {
	switch kind {
	case bindings.StatementTypeSelect, bindings.StatementTypeExplain:
		return ""
	case bindings.StatementTypeCreate:
		if !last {
			return ""
		}
	}
	return "a query must end in a select (or explain, describe, show); it cannot call, set or change anything"
}

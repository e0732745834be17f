package duck

import (
	"context"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Ask is Query for SQL that a user wrote: a select, which may come after statements that create what it reads (DuckDB makes
// such ones of a pivot). A locked database keeps every statement away from files, network and settings; but some that are
// called for what they do (`call enable_logging(…)`) go through, and leave the connection of no use.
func (c *Conn) Ask(ctx context.Context, sql string) (*Rows, error) { return c.query(ctx, sql, reading) }

// anything refuses no kind of statement.
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
	return "a query ends in a select (or explain, describe, show); it cannot call, set or change anything"
}

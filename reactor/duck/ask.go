package duck

import (
	"context"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Script is SQL that a user wrote: selects, which may come after statements that create what they read (DuckDB makes such ones
// of a pivot). A locked database keeps every statement away from files, network and settings; but some that are called for what
// they do (`call enable_logging(…)`) go through, and leave the connection of no use.
type Script struct {
	conn       *Conn
	ctx        context.Context
	sql        string
	statements bindings.ExtractedStatements
	next, n    bindings.IdxT
}

// Script reads a user's SQL. Nothing of it runs yet. ctx covers all of it; the script must be closed.
func (c *Conn) Script(ctx context.Context, sql string) (*Script, error) {
	statements, n, err := c.extract(sql)
	if err != nil {
		return nil, err
	}
	return &Script{conn: c, ctx: ctx, sql: sql, statements: statements, n: n}, nil
}

// Next runs the statements up to the next one that gives rows, and returns those, nil after the last. The caller closes them
// before the next call.
func (s *Script) Next() (*Rows, error) {
	for s.next < s.n {
		last, gives := s.next == s.n-1, false
		rows, err := s.conn.start(s.ctx, s.sql, s.statements, s.next, func(kind bindings.StatementType) string {
			gives = kind != bindings.StatementTypeCreate
			return reading(kind, last)
		})
		if err != nil {
			return nil, err
		}
		s.next++
		if gives {
			return rows, nil
		}
		if err := rows.drain(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// More tells whether a statement is left. The last one gives rows, so there are more of them then.
func (s *Script) More() bool { return s.next < s.n }

// Close frees the statements.
func (s *Script) Close() { bindings.DestroyExtracted(&s.statements) }

// anything refuses nothing.
func anything(bindings.StatementType) string { return "" }

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

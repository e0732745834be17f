package duck

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Column is one column of a query's result.
type Column struct {
	Name string
	Type string // as DuckDB spells it, for example DECIMAL(38,28)
}

// Describe returns the columns of one query without running it.
func (c *Conn) Describe(ctx context.Context, sql string) ([]Column, error) {
	if err := c.single(sql); err != nil {
		return nil, err
	}
	texts, err := c.strings(ctx, "describe "+sql, 2)
	if err != nil {
		return nil, err
	}
	columns := make([]Column, 0, len(texts))
	for _, t := range texts {
		columns = append(columns, Column{Name: t[0], Type: t[1]})
	}
	return columns, nil
}

// Parse returns the syntax tree of one SELECT as DuckDB's JSON. DuckDB does not look up names, so the tables need not exist.
func (c *Conn) Parse(ctx context.Context, sql string) (json.RawMessage, error) {
	if err := c.single(sql); err != nil {
		return nil, err
	}
	texts, err := c.strings(ctx, "select json_serialize_sql("+Quote(sql)+")", 1)
	if err != nil {
		return nil, err
	}
	tree := json.RawMessage(texts[0][0])
	var refused struct {
		Error   bool   `json:"error"`
		Message string `json:"error_message"`
	}
	if err := json.Unmarshal(tree, &refused); err != nil {
		return nil, fmt.Errorf("read duckdb's syntax tree: %w", err)
	}
	if refused.Error {
		return nil, &Error{Message: refused.Message, SQL: sql}
	}
	return tree, nil
}

// Quote returns s as an SQL string literal.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Identifier returns s as a quoted SQL identifier.
func Identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// single refuses a text that is not exactly one statement.
func (c *Conn) single(sql string) error {
	statements, n, err := c.extract(sql)
	if err != nil {
		return err
	}
	bindings.DestroyExtracted(&statements)
	if n != 1 {
		return &Error{Message: fmt.Sprintf("expected one statement, and the text has %d", n), SQL: sql}
	}
	return nil
}

// strings runs a query and returns its first n columns, which must be text.
func (c *Conn) strings(ctx context.Context, sql string, n int) ([][]string, error) {
	rows, err := c.Few(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	for b, err := range rows.All() {
		if err != nil {
			return nil, err
		}
		for row := range int(b.NumRows()) {
			texts := make([]string, n)
			for i := range texts {
				texts[i] = strings.Clone(b.Column(i).(*array.String).Value(row)) // DuckDB frees the batch's memory
			}
			out = append(out, texts)
		}
	}
	return out, nil
}

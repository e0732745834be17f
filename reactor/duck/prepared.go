package duck

import (
	"context"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Prepared is what one statement wants and gives.
type Prepared struct {
	// Parameters are the types of $1, $2, …; nil where nothing tells.
	Parameters []arrow.DataType
	// Schema has the columns of the result; nil while the types of parameters leave them open.
	Schema *arrow.Schema
}

// Prepared says what a statement wants and gives, without running it.
func (c *Conn) Prepared(ctx context.Context, sql string) (p Prepared, err error) {
	if err := c.single(sql); err != nil {
		return p, err
	}
	var statement bindings.PreparedStatement
	defer bindings.DestroyPrepare(&statement)
	err = c.guard(ctx, sql, func() string {
		if bindings.Prepare(c.handle, sql, &statement) == bindings.StateError {
			return bindings.PrepareError(statement)
		}
		return reading(bindings.PreparedStatementType(statement), true)
	})
	if err != nil {
		return p, err
	}
	var options bindings.ArrowOptions
	bindings.ConnectionGetArrowOptions(c.handle, &options)
	defer bindings.DestroyArrowOptions(&options)
	for i := range bindings.NParams(statement) {
		p.Parameters = append(p.Parameters, parameterType(options, statement, i+1))
	}
	n := bindings.PreparedStatementColumnCount(statement)
	types, names := make([]bindings.LogicalType, n), make([]string, n)
	for i := range n {
		types[i], names[i] = bindings.PreparedStatementColumnLogicalType(statement, i), bindings.PreparedStatementColumnName(statement, i)
	}
	defer func() {
		for i := range types {
			bindings.DestroyLogicalType(&types[i])
		}
	}()
	if p.Schema, err = arrowSchema(options, types, names); err != nil && len(p.Parameters) > 0 {
		return Prepared{Parameters: p.Parameters}, nil
	}
	return p, err
}

// parameterType is that of the n-th parameter, nil where nothing tells (also of a list of what nothing tells).
func parameterType(options bindings.ArrowOptions, statement bindings.PreparedStatement, n bindings.IdxT) arrow.DataType {
	t := bindings.ParamLogicalType(statement, n)
	if t.Ptr == nil {
		return nil
	}
	defer bindings.DestroyLogicalType(&t)
	schema, err := arrowSchema(options, []bindings.LogicalType{t}, []string{strconv.Itoa(int(n))})
	if err != nil {
		return nil // it is "unknown" to DuckDB, which has no type of Arrow
	}
	return schema.Field(0).Type
}

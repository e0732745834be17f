package gold

import (
	"slices"
	"strings"
)

// A rule refuses SQL whose result depends on more than the rows of the input: on their order, on threads, on where the input
// begins, or on the time of the run. With such SQL an incremental run would differ from a full one. A refusal says what, why, and
// what to write instead. Rules see only the SQL; `reactor check` finds what slips through.

// exactAggregates give the same result for any order and grouping of the input.
var exactAggregates = set(
	"count", "count_star", "count_if", "countif", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor",
	"median", "quantile", "quantile_cont", "quantile_disc", "approx_count_distinct",
)

// sums are exact for decimals and integers, not for doubles.
var sums = set("sum", "avg", "mean")

// ordered aggregates depend on the order of their input, which ORDER BY inside the parentheses fixes.
var ordered = set("list", "array_agg", "string_agg", "group_concat", "listagg", "first", "last", "any_value", "arbitrary")

// extremes return any one of the rows that have the greatest or least value.
var extremes = set("arg_max", "arg_min", "argmax", "argmin", "max_by", "min_by", "arg_max_null", "arg_min_null", "arg_max_nulls_last", "arg_min_nulls_last")

// telling lists window functions whose result differs between rows that are equal in ORDER BY. Those in ranking give such rows the
// same result.
var telling = set("row_number", "ntile", "lag", "lead", "first_value", "first", "last_value", "last", "nth_value")
var ranking = set("rank", "dense_rank", "rank_dense", "percent_rank", "cume_dist")

// disguised lists column references that are really calls.
var disguised = set("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "today", "current_user",
	"current_catalog", "current_schema", "session_user", "user", "rowid")

// surroundings lists functions that read the session, the process or the catalog. DuckDB calls some of them constant.
var surroundings = set("current_setting", "getvariable", "getenv", "version", "nextval", "currval", "current_query",
	"txid_current", "current_database", "current_schema", "current_schemas", "current_catalog", "current_user", "setseed",
	"current_connection_id", "current_query_id", "current_transaction_id", "now", "today", "get_current_timestamp", "get_current_time",
	"current_localtime", "current_localtimestamp", "transaction_timestamp", "write_log", "query", "query_table", "pragma_query")

var tableFunctions = set("unnest", "generate_series", "range")

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// functions holds what DuckDB says about its functions.
type functions struct {
	aggregates map[string]bool
	volatile   map[string]bool
}

// check applies the rules to one statement's tree. keys has the keys of the tables that it reads.
type check struct {
	file, sql string
	known     functions
	keys      [][]string
	audit     bool // only counts rows, so it may add up doubles in any order
	lookback  int  // of the model
	errs      []error
}

func (c *check) refuse(n node, format string, args ...any) {
	c.errs = append(c.errs, refuse(c.file, line(c.sql, n), format, args...))
}

func (c *check) run(tree map[string]any) []error {
	if !c.audit {
		c.limits(statement(tree))
	}
	walk(tree, func(n node) {
		switch n.class() {
		case "FUNCTION":
			c.function(n)
		case "WINDOW":
			if !c.audit {
				c.window(n)
				c.reach(n)
			}
		case "COLUMN_REF":
			if name := n.column(); disguised[name] {
				c.refuse(n, "%s is not in the data: gold is a function of silver's rows and would differ at each run; select a column of the input", name)
			}
		}
		c.query(n)
		c.relation(n)
	})
	return c.errs
}

func (c *check) function(n node) {
	name := n.function()
	orders := n.child("order_bys").list("orders")
	switch {
	case c.known.volatile[name] || surroundings[name] || name == "age" && len(n.list("children")) == 1:
		c.refuse(n, "%s() is not in the data: gold is a function of silver's rows and would differ at each run; select a column of the input", name)
	case c.audit:
	case sums[name]:
		c.sum(n, name)
	case ordered[name]:
		if len(orders) == 0 {
			c.refuse(n, "%s without an order: it takes the rows as threads deliver them; write %s(… order by …) with an order that leaves no ties", name, name)
		}
	case extremes[name]:
		c.extreme(n, name)
	case c.known.aggregates[name] && !exactAggregates[name]:
		c.inexact(n, name)
	}
}

func (c *check) sum(n node, name string) {
	args := n.list("children")
	if len(args) == 0 || !exact(args[0]) {
		c.refuse(n, "%s of what may be a double: sums of doubles depend on the order of the rows; cast the argument, %s(x::decimal(38, 18)), or write list_aggregate(list(x order by …), '%s')", name, name, name)
	}
}

func (c *check) extreme(n node, name string) {
	args := n.list("children")
	if len(args) < 2 || args[1].function() != "row" || len(args[1].list("children")) < 2 {
		c.refuse(n, "%s by one value: any row that has the value may be taken; order by a tuple that ends in a column that tells rows apart, %s(x, (a, b))", name, name)
	}
}

func (c *check) inexact(n node, name string) {
	c.refuse(n, "the aggregate %s depends on the order of the rows, as all aggregates of doubles do; write list_aggregate(list(x order by …), '%s')", name, name)
}

func (c *check) window(n node) {
	name := n.function()
	orders := n.list("orders")
	by := names(n.list("partitions"), orders)
	switch {
	case ranking[name]:
		if len(orders)+len(n.list("arg_orders")) == 0 {
			c.refuse(n, "%s without an order ranks nothing; write over (order by …)", name)
		}
		return
	case telling[name]:
		if !c.total(orders, by) {
			c.refuse(n, "%s over an order with ties: threads decide which of two equal rows comes first; end the window's order by with a column that tells them apart", name)
		}
		return
	case sums[name]:
		args := n.list("children")
		if len(args) == 0 || !exact(args[0]) {
			c.refuse(n, "%s over a window of what may be doubles: DuckDB adds them up in a tree that depends on where the input begins; cast the argument, %s(x::decimal(38, 18)) over …, or write list_aggregate(list(x) over …, '%s')", name, name, name)
		}
	case extremes[name]:
		c.extreme(n, name)
	case ordered[name]:
		if !c.total(orders, by) && len(n.list("arg_orders")) == 0 {
			c.refuse(n, "%s over a window whose order has ties: it takes the rows as threads deliver them; end the window's order by with a column that tells them apart", name)
		}
	case !exactAggregates[name]:
		c.refuse(n, "%s over a window depends on where the input begins, as all aggregates of doubles do; write list_aggregate(list(x) over …, '%s')", name, name)
	}
	if frame := n.text("start") + n.text("end"); (strings.Contains(frame, "ROWS") || strings.Contains(frame, "GROUPS")) && !c.total(orders, by) {
		c.refuse(n, "a frame of rows over an order with ties: threads decide which rows are in it; end the window's order by with a column that tells them apart, or use range")
	}
}

// total tells whether an order visibly leaves no ties: it ends in a tie breaker, or it names, together with the partition, a key
// of a table that is read.
func (c *check) total(orders []node, by []string) bool {
	if len(orders) >= 2 {
		return true
	}
	return len(orders) == 1 && slices.ContainsFunc(c.keys, func(key []string) bool {
		return !slices.ContainsFunc(key, func(column string) bool { return !slices.Contains(by, column) })
	})
}

// names returns the columns that the partition and the order name.
func names(partitions, orders []node) []string {
	var out []string
	for _, p := range partitions {
		out = append(out, p.column())
	}
	for _, o := range orders {
		out = append(out, injective(o.child("expression")))
	}
	return out
}

// injective returns the column of an expression that tells apart the same rows as the column: the column itself, or with a
// constant added or subtracted, as in day - date '1970-01-01'.
func injective(n node) (column string) {
	if n.class() != "FUNCTION" || n.function() != "+" && n.function() != "-" {
		return n.column()
	}
	for _, arg := range n.list("children") {
		switch constant := arg.class() == "CONSTANT" || arg.class() == "CAST" && arg.child("child").class() == "CONSTANT"; {
		case constant:
		case column == "" && arg.column() != "":
			column = arg.column()
		default:
			return ""
		}
	}
	return column
}

var exactTypes = set("DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "BOOLEAN")

// exact tells whether an expression is visibly a decimal or an integer.
func exact(n node) bool {
	switch n.class() {
	case "CAST":
		return exactTypes[n.child("cast_type").text("id")]
	case "CONSTANT":
		value := n.child("value")
		null, _ := value["is_null"].(bool)
		return null || exactTypes[value.child("type").text("id")]
	case "FUNCTION":
		args := n.list("children")
		return slices.Contains([]string{"+", "-", "*"}, n.function()) && len(args) > 0 && all(args, exact)
	case "CASE":
		return exact(n.child("else_expr")) && all(n.list("case_checks"), func(w node) bool { return exact(w.child("then_expr")) })
	case "OPERATOR":
		return n.text("type") == "OPERATOR_COALESCE" && all(n.list("children"), exact)
	}
	return false
}

func all(ns []node, ok func(node) bool) bool {
	return !slices.ContainsFunc(ns, func(n node) bool { return !ok(n) })
}

// query applies the rules to a SELECT's modifiers.
func (c *check) query(n node) {
	var limit, distinct, order bool
	for _, m := range n.list("modifiers") {
		switch m.text("type") {
		case "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER":
			limit = true
		case "DISTINCT_MODIFIER":
			distinct = len(m.list("distinct_on_targets")) > 0
		case "ORDER_MODIFIER":
			order = true
		}
	}
	if limit && !order {
		c.refuse(first(n), "limit without order by takes whichever rows come first; add an order by that leaves no ties")
	}
	if distinct {
		c.refuse(first(n), "distinct on keeps whichever row of a group comes first; write qualify row_number() over (partition by … order by …) = 1")
	}
	if len(n.child("sample")) > 0 {
		c.refuse(first(n), "a sample is not a function of the rows; select rows by a condition")
	}
}

// first returns the first node below n that has a place in the SQL. A SELECT itself has none.
func first(n node) (at node) {
	at = n
	place := -1.0
	walk(map[string]any(n), func(m node) {
		if p, ok := m["query_location"].(float64); ok && p < 1e15 && (place < 0 || p < place) {
			place, at = p, m
		}
	})
	return at
}

// relation refuses everything in FROM except tables, subqueries and series.
func (c *check) relation(n node) {
	switch n.text("type") {
	case "TABLE_FUNCTION":
		if name := n.child("function").function(); !tableFunctions[name] {
			c.refuse(n, "%s() in from: a model reads only silver and gold tables; read a column's list with unnest, a series with generate_series or range", name)
		}
	case "JOIN":
		if n.text("ref_type") == "POSITIONAL" {
			c.refuse(n, "a positional join pairs rows by the order they come in; join on columns")
		}
	case "SHOW_REF":
		c.refuse(n, "describe, show and summarize read the catalog, not the tables; select from a table")
	}
}

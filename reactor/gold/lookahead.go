package gold

import (
	"slices"
	"strings"

	"millrace/reactor/gold/plan"
)

// A model's row of a day depends on the days from day - lookback to day. This file refuses windows and limits that visibly read
// other days. VerifyLookback finds on real rows what the syntax does not show.

// steady tells whether a column is part of an input's key and is not its time or day.
func (c *check) steady(column string) bool {
	return column != "" && column != Day && column != SilverTime && slices.ContainsFunc(c.keys, func(key []string) bool { return slices.Contains(key, column) })
}

// reach refuses a window over rows of many days that reads later days, or more earlier days than the lookback says. A partition
// by a column that is not steady may hold one day only, so reach accepts it.
func (c *check) reach(n node) {
	if slices.ContainsFunc(n.list("partitions"), func(p node) bool { return !c.steady(p.column()) }) {
		return
	}
	name, start, end := n.function(), n.text("start"), n.text("end")
	orders := n.list("orders")
	byDay := len(orders) > 0 && (injective(orders[0].child("expression")) == Day || injective(orders[0].child("expression")) == SilverTime) && !strings.Contains(orders[0].text("type"), "DESC")
	ranks := ranking[name] || name == "row_number" || name == "ntile"
	all := c.lookback == plan.AllDays
	const advice = "partition by day too, end the frame at the current row, or order by day"
	switch {
	case name == "lag":
	case name == "lead" || strings.Contains(start, "FOLLOWING") || strings.Contains(end, "FOLLOWING"):
		c.refuse(n, "%s over rows of later days: a day is computed from itself and earlier days, before later ones exist; %s", name, advice)
	case len(orders) == 0 || ranks && (!byDay || name != "row_number" && name != "rank" && name != "dense_rank" && name != "rank_dense"):
		c.refuse(n, "%s over the rows of all days, later ones among them: a day is computed from itself and earlier days, before later ones exist; %s", name, advice)
	case !all && (ranks || start == "UNBOUNDED_PRECEDING"):
		c.refuse(n, "%s reads all earlier days, and the lookback is %d: write `-- lookback: all`, or a frame such as `order by day range between interval 6 days preceding and current row`", name, c.lookback)
	}
}

// limits refuses a limit on a whole statement or a common table expression: it counts rows of all days that happen to be read.
func (c *check) limits(query node) {
	walk(map[string]any(query.child("cte_map")), func(n node) {
		if q := n.child("query").child("node"); len(q) > 0 {
			c.limited(q)
		}
	})
	c.limited(query)
}

func (c *check) limited(query node) {
	ordered := slices.ContainsFunc(query.list("modifiers"), func(m node) bool { return m.text("type") == "ORDER_MODIFIER" })
	if !ordered {
		return // query refuses a limit without an order
	}
	for _, m := range query.list("modifiers") {
		if t := m.text("type"); t == "LIMIT_MODIFIER" || t == "LIMIT_PERCENT_MODIFIER" {
			c.refuse(first(query), "a limit keeps the first rows of all days that are read, not of each day; write qualify row_number() over (partition by day order by …) <= 10")
		}
	}
}

// statement returns a tree's query, nil if it has none.
func statement(tree map[string]any) node {
	statements := node(tree).list("statements")
	if len(statements) == 0 {
		return nil
	}
	return statements[0].child("node")
}

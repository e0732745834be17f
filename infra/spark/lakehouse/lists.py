"""DuckDB's functions of lists, and aggregates that make lists, in Spark's words.

DuckDB's list() keeps nulls and is null of no rows; Spark's collect_list drops nulls and is empty. The value of each row is
therefore gathered inside of a struct.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp, parse_one

Wrap = Callable[[exp.Expression], exp.Expression]

# Welford's sums, in DuckDB's order of operations: a deviation has the same bits.
STDDEV = """aggregate(filter(x, v -> v is not null), named_struct('n', 0D, 'mean', 0D, 'squares', 0D),
  (a, v) -> named_struct('n', a.n + 1D, 'mean', a.mean + (v - a.mean) / (a.n + 1D),
    'squares', a.squares + (v - (a.mean + (v - a.mean) / (a.n + 1D))) * (v - a.mean)),
  a -> case when a.n > 1D then sqrt(a.squares / (a.n - 1D)) end)"""
SUM = "aggregate(filter(x, v -> v is not null), cast(null as double), (a, v) -> coalesce(a, 0D) + v)"
COUNT = "size(filter(x, v -> v is not null))"
AGGREGATES = {
    "stddev_samp": STDDEV,
    "sum": SUM,
    "avg": f"{SUM} / {COUNT}",
    "count": COUNT,
    "max": "array_max(x)",
    "min": "array_min(x)",
}
REDUCE = "aggregate(slice(x, 2, greatest(size(x) - 1, 0)), get(x, 0), f)"


def call(name: str, *arguments: exp.Expression) -> exp.Anonymous:
    """A call of a function of Spark's."""
    made = exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])
    made.meta["ours"] = True
    return made


def template(text: str, **parts: exp.Expression) -> exp.Expression:
    """Spark's SQL with parts in the places of names."""

    def put(node: exp.Expression) -> exp.Expression:
        if isinstance(node, (exp.Column, exp.Identifier)) and node.name in parts and not isinstance(node.parent, exp.Dot):
            return parts[node.name].copy()
        return node

    tree = parse_one(text, read="spark")
    for node in tree.find_all(exp.Func):
        node.meta["ours"] = True  # written for Spark, and not taken over from DuckDB
    return tree.transform(put)


def double(node: exp.Expression) -> exp.Expression:
    """A number as a double."""
    inner = node.this if isinstance(node, exp.Paren) else node
    if isinstance(inner, exp.Cast) and inner.to.is_type("double"):
        return node.copy()
    return exp.cast(node.copy(), "double")


def several(node: exp.Expression) -> bool:
    """Tells max(x, n) from max(x)."""
    return isinstance(node, (exp.Max, exp.Min)) and bool(node.args.get("count") or node.expressions)


def rewrite(node: exp.Expression) -> exp.Expression:
    """Gives what a node is in Spark; the node itself where it is alike."""
    if isinstance(node, exp.Anonymous):
        return function(node)
    aggregate, wrap = unwrapped(node)
    if isinstance(aggregate, exp.ArrayAgg):
        return gathered(aggregate, wrap)
    if isinstance(aggregate, exp.Avg):
        # Spark's average of decimals is a decimal, which keeps no digits before the point for large ones.
        return exp.paren(
            exp.Div(
                this=double(wrap(exp.Sum(this=aggregate.this.copy()))),
                expression=exp.Nullif(this=wrap(exp.Count(this=aggregate.this.copy())), expression=exp.Literal.number(0)),
            )
        )
    if several(aggregate):
        count = aggregate.args.get("count") or aggregate.expressions[0]
        ascending = exp.Boolean(this=isinstance(aggregate, exp.Min))
        return call(
            "slice", call("sort_array", wrap(call("collect_list", aggregate.this)), ascending), exp.Literal.number(1), count
        )
    return node


def function(node: exp.Anonymous) -> exp.Expression:
    """A function of a list."""
    name, arguments = node.name.lower(), node.expressions
    made = node
    if name in ("list_aggregate", "list_aggr", "array_aggregate"):
        made = aggregated(*arguments) or node
    elif name == "list_count":
        made = template(COUNT, x=arguments[0])
    elif name == "list_reduce" and len(arguments) == 2:
        made = template(REDUCE, x=arguments[0], f=arguments[1])
    elif name == "epoch_us":
        made = call("unix_micros", *arguments)
    return made


def aggregated(of: exp.Expression, how: exp.Expression) -> exp.Expression | None:
    """list_aggregate(of, how)."""
    if not isinstance(how, exp.Literal) or how.name not in AGGREGATES:
        return None
    if isinstance(of, exp.Array) and len(of.expressions) == 1 and how.name == "avg":
        return double(of.expressions[0])  # the double next to a decimal
    return template(AGGREGATES[how.name], x=of)


def unwrapped(node: exp.Expression) -> tuple[exp.Expression, Wrap]:
    """The aggregate inside of FILTER and OVER, and a function that puts another one there."""
    inner = node
    while isinstance(inner, (exp.Filter, exp.Window)):
        inner = inner.this
    if inner is node or not isinstance(inner, exp.AggFunc):
        return node, lambda other: other

    def wrap(other: exp.Expression) -> exp.Expression:
        outer = node.copy()
        at = outer
        while isinstance(at.this, (exp.Filter, exp.Window)):
            at = at.this
        at.set("this", other)
        return outer

    return inner, wrap


def gathered(aggregate: exp.ArrayAgg, wrap: Wrap) -> exp.Expression:
    """list(x), list(x order by key)."""
    value, keys = aggregate.this, []
    if isinstance(value, exp.Order):
        keys = [k.this for k in value.expressions if not k.args.get("desc")]
        if len(keys) < len(value.expressions):
            return aggregate  # descending: not compared
        value = value.this
    members = [part for n, key in enumerate(keys) for part in (exp.Literal.string(f"k{n}"), key)]
    rows = wrap(call("collect_list", call("named_struct", *members, exp.Literal.string("v"), value)))
    ordered = call("array_sort", rows) if keys else rows
    return template("if(size(x) = 0, null, transform(y, s -> s.v))", x=rows, y=ordered)

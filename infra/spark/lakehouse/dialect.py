"""Turns a model's SQL from DuckDB's words into Spark's.

sqlglot translates the grammar. What differs in meaning is translated here, and what nobody has compared is refused: a function
is let through when it is listed, so that a model computes on Spark what it computes in the reactor, or not at all.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from . import lists, product

# Functions that mean the same in both, as they stand after translation.
ALIKE = (
    *(exp.Abs, exp.And, exp.ArgMax, exp.ArgMin, exp.Array, exp.Case, exp.Cast, exp.Ceil, exp.Coalesce, exp.Concat, exp.Count),
    *(exp.DenseRank, exp.Exp, exp.Floor, exp.Greatest, exp.If, exp.Lag, exp.Lead, exp.Least, exp.Ln, exp.Lower, exp.Max, exp.Min),
    *(exp.Nullif, exp.Or, exp.Rank, exp.Repeat, exp.Replace, exp.RowNumber, exp.Sqrt, exp.Struct, exp.Sum, exp.Transform),
    *(exp.Trim, exp.TryCast, exp.Upper),
)
# The types of a lake's columns.
TYPES = {"string": "text", "date": "date", "map": "map", "list": "list"}
# Types that a cast may give.
CASTS = ("boolean", "int", "bigint", "decimal", "double", "float", "date", "varchar", "text")
# sqlglot reads interval[1] as a type.
INTERVAL = re.compile(r"\binterval\b(?=\s*\[)", re.IGNORECASE)


class Untranslatable(Exception):
    """A model that Spark cannot be trusted with, and why."""


def translate(sql: str, columns: dict[str, str]) -> str:
    """Gives a model's query in Spark's SQL; columns are the types of its inputs' columns by name.

    A table silver.x is the view silver_x there.
    """
    try:
        tree = sqlglot.parse_one(INTERVAL.sub('"interval"', sql), read="duckdb")
    except sqlglot.ParseError as why:
        raise Untranslatable(f"sqlglot cannot read it: {why}") from why
    known = Types(tree, columns)
    tree = deep(tree, known)
    for table in tree.find_all(exp.Table):
        if table.db:
            table.replace(exp.table_(f"{table.db}_{table.name}", alias=table.alias or table.name))
    for cte in tree.find_all(exp.CTE):
        cte.set("materialized", None)
    for cast in list(tree.find_all(exp.Cast)):
        if cast.to.is_type("double") and isinstance(cast.this, exp.Cast) and cast.this.to.is_type("double"):
            cast.replace(cast.this)
    check(tree)
    return tree.sql("spark", pretty=True, identify=True, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE) + "\n"


class Types:
    """What is known of names: the types of the inputs' columns, and of those that the query makes itself."""

    def __init__(self, tree: exp.Expression, columns: dict[str, str]) -> None:
        self.of = {name: TYPES.get(kind.split("<")[0].split("(")[0], kind) for name, kind in columns.items()}
        for alias in tree.find_all(exp.Alias):
            made = alias.this.this if isinstance(alias.this, (exp.Window, exp.Filter)) else alias.this
            if isinstance(made, (exp.ArrayAgg, exp.Array, exp.Transform)) or lists.several(made):
                self.of[alias.alias] = "list"
            elif isinstance(made, exp.Cast) and made.to.is_type("date"):
                self.of[alias.alias] = "date"

    def __call__(self, node: exp.Expression) -> str:
        """Gives text, date, list or another type; empty for what is not known."""
        if isinstance(node, exp.Paren):
            return self(node.this)
        if isinstance(node, exp.Cast):
            return "date" if node.to.is_type("date") else "text" if node.to.is_type("varchar", "text") else ""
        if isinstance(node, (exp.Array, exp.Transform)):
            return "list"
        if isinstance(node, exp.Column):
            return self.of.get(node.name, "")
        return ""


def deep(node: exp.Expression, known: Types) -> exp.Expression:
    """Rewrites a node, and then those inside of what it has become: an aggregate is known by what surrounds it."""
    node = rewrite(node, known)
    for name, value in list(node.args.items()):
        if isinstance(value, exp.Expression):
            node.set(name, deep(value, known))
        elif isinstance(value, list):
            node.set(name, [deep(v, known) if isinstance(v, exp.Expression) else v for v in value])
    return node


def rewrite(node: exp.Expression, known: Types) -> exp.Expression:
    """Gives what a node is in Spark."""
    if isinstance(node, exp.Bracket):
        return bracket(node, known)
    if isinstance(node, (exp.Sub, exp.Add)):
        return product.rewrite(node) or days(node, known)
    if isinstance(node, exp.Div):
        # DuckDB's / is of doubles.
        return exp.Div(this=lists.double(node.this), expression=lists.double(node.expression))
    if isinstance(node, exp.Length) and known(node.this) == "list":
        return lists.call("size", node.this)
    if isinstance(node, exp.Cast) and node.to.is_type("uhugeint", "uint128"):
        return exp.cast(node.this, "decimal(38, 0)", dialect="spark")
    return lists.rewrite(node)


def bracket(node: exp.Bracket, known: Types) -> exp.Expression:
    """x[n]: of a text a character, of a list an element, and null beyond its end."""
    (index,) = node.expressions
    kind = known(node.this)
    if isinstance(index, exp.Slice):
        if kind != "text" or index.expression or not isinstance(index.this, exp.Literal):
            raise Untranslatable(f"{node.sql('duckdb')}: only a text's end can be cut out")
        return lists.call("substring", node.this, index.this.copy())
    if kind == "text" and isinstance(index, exp.Literal):
        return lists.call("substring", node.this, exp.Literal.number(int(index.this) + 1), exp.Literal.number(1))
    if kind == "map":
        raise Untranslatable(f"{node.sql('duckdb')}: a map's value has not been compared")
    return lists.call("get", node.this, index)


def days(node: exp.Sub | exp.Add, known: Types) -> exp.Expression:
    """Days and the numbers between them."""
    left, right = known(node.this), known(node.expression)
    if left == "date" and right == "date" and isinstance(node, exp.Sub):
        return lists.call("datediff", node.this, node.expression)
    if left == "date":
        if not isinstance(node.expression, exp.Literal) or node.expression.is_string:
            raise Untranslatable(f"{node.sql('duckdb')}: only a number of days can be added to a date")
        return lists.call("date_sub" if isinstance(node, exp.Sub) else "date_add", node.this, node.expression)
    return node


def check(tree: exp.Expression) -> None:
    """Refuses what is in the translated query and has not been compared."""
    for node in tree.walk():
        if node.meta.get("ours"):
            continue
        if isinstance(node, exp.Anonymous):
            raise Untranslatable(f"nobody has compared DuckDB's {node.name} with Spark's")
        if isinstance(node, exp.UnixToTime):
            if not isinstance(node.parent, exp.Cast):
                raise Untranslatable("a time without a zone is another type in Spark")
        elif isinstance(node, (exp.Cast, exp.TryCast)) and not node.to.is_type(*CASTS):
            raise Untranslatable(f"nobody has compared DuckDB's casts to {node.to.sql('duckdb').lower()} with Spark's")
        elif isinstance(node, exp.Func) and not isinstance(node, ALIKE):
            raise Untranslatable(f"nobody has compared DuckDB's {node.sql_name().lower()} with Spark's")
        elif isinstance(node, (exp.IntDiv, exp.Mod, exp.Interval, exp.SafeDivide)):
            raise Untranslatable(f"nobody has compared DuckDB's {type(node).__name__} with Spark's: {node.sql('duckdb')}")

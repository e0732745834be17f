"""The product of two whole numbers of 38 digits, which DuckDB's models make as a bignum.

Spark has no number of 76 digits. The product is made of halves of 19 digits in both; Spark gets it as a struct of its upper 38
digits, the 19 next and the 19 last, and structs compare from the first member on.
"""

from __future__ import annotations

from sqlglot import exp, parse_one

from . import lists

# The product of n[1] and n[2] as a model writes it. Another way to write it is not recognised, and its model is refused.
BIGNUM = """
((n[1] // 10000000000000000000) * (n[2] // 10000000000000000000) || repeat('0', 38))::bignum
    + ((n[1] // 10000000000000000000) * (n[2] % 10000000000000000000)
        + (n[1] % 10000000000000000000) * (n[2] // 10000000000000000000) || repeat('0', 19))::bignum
    + ((n[1] % 10000000000000000000) * (n[2] % 10000000000000000000))::bignum
"""
UPPER = "cast(substring(lpad(cast({} as string), 38, '0'), 1, 19) as decimal(19, 0))"
LOWER = "cast(substring(lpad(cast({} as string), 38, '0'), 20, 19) as decimal(19, 0))"


def _halves(*names: str) -> str:
    """Members of a struct: both halves of each."""
    return ", ".join(f"'{n[-2:]}u', {UPPER.format(n)}, '{n[-2:]}l', {LOWER.format(n)}" for n in names)


# transform(array(x), name -> …) gives x a name.
PRODUCT = f"""
get(transform(array(named_struct('au', {UPPER.format("get(n, 0)")}, 'al', {LOWER.format("get(n, 0)")},
                                 'bu', {UPPER.format("get(n, 1)")}, 'bl', {LOWER.format("get(n, 1)")})), f ->
get(transform(array(named_struct('uu', f.au * f.bu, 'ul', f.au * f.bl, 'lu', f.al * f.bu, 'll', f.al * f.bl)), p ->
get(transform(array(named_struct('uu', p.uu, {_halves("p.ul", "p.lu", "p.ll")})), q ->
get(transform(array(q.ull + q.lul + q.llu), middle ->
    named_struct('upper', q.uu + q.ulu + q.luu + {UPPER.format("middle")}, 'middle', {LOWER.format("middle")}, 'lower', q.lll)
), 0)), 0)), 0)), 0)
"""

# A lambda's names are other nodes than columns.
_written = parse_one(f"list_transform(x, lambda n: {BIGNUM})", read="duckdb").find(exp.Lambda).this


def rewrite(node: exp.Expression) -> exp.Expression | None:
    """Gives the product in Spark's words where a node is one of n; else nothing."""
    if isinstance(node, exp.Add) and node == _written:
        return lists.template(PRODUCT)
    return None

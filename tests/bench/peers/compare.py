"""Compares the tables of two catalogs row by row: `python -m peers.compare FILE FILE` prints a JSON list.

Everything must be the same but floats, which engines add up in orders of their own:

- relative: 1e-12 of the greater one;
- absolute, for what is a difference of two numbers near each other (`DIFFERENCES`): a few units in the last place of those.
  A return is a quotient minus 1, a drawdown as well; a volatility is made of differences of logarithms, at most 14 of them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa

from . import settings, tables

RELATIVE = 1e-12
ULP = 2.0**-52
DIFFERENCES = {
    **{column: 4 * ULP for column in ("return_1d", "return_7d", "return_30d", "drawdown")},
    "volatility_30d": 14 * ULP * 365**0.5,
}


@dataclass
class Verdict:
    """What came of one table."""

    table: str
    rows: int
    equal: bool = True
    worst: float = 0.0  # relative difference of floats, after what DIFFERENCES allows
    why: list[str] = field(default_factory=list)

    def differ(self, why: str) -> None:
        """Notes a difference."""
        self.equal = False
        self.why.append(why)


def compare(name: str, expected: pa.Table, got: pa.Table) -> Verdict:
    """Compares two tables of rows in any order."""
    verdict = Verdict(name, expected.num_rows)
    if expected.column_names != got.column_names:
        verdict.differ(f"columns {expected.column_names} and {got.column_names}")
    elif expected.num_rows != got.num_rows:
        verdict.differ(f"{expected.num_rows} and {got.num_rows} rows")
    else:
        order = [(column, "ascending") for column in tables.KEYS[name]]
        expected, got = expected.sort_by(order), got.sort_by(order)
        for column in expected.column_names:
            compare_column(verdict, column, expected[column].combine_chunks(), got[column].combine_chunks())
    return verdict


def compare_column(verdict: Verdict, column: str, expected: pa.Array, got: pa.Array) -> None:
    """Compares two columns of rows in one order."""
    if plain(expected.type) != plain(got.type):
        verdict.differ(f"{column}: {expected.type} and {got.type}")
    elif pa.types.is_floating(expected.type):
        compare_floats(verdict, column, expected, got)
    elif not expected.equals(got.cast(expected.type)):
        pairs = zip(expected.to_pylist(), got.to_pylist(), strict=True)
        wrong = [(i, a, b) for i, (a, b) in enumerate(pairs) if a != b]
        if wrong:
            verdict.differ(f"{column}: {len(wrong)} differ, such as row {wrong[0][0]}: {wrong[0][1]} and {wrong[0][2]}")


def plain(kind: pa.DataType) -> str:
    """The type without what only Arrow tells apart: the names inside of lists, and sizes of offsets."""
    if pa.types.is_map(kind):
        return f"map<{plain(kind.key_type)}, {plain(kind.item_type)}>"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{plain(kind.value_type)}>"
    return str(kind).replace("large_", "")


def compare_floats(verdict: Verdict, column: str, expected: pa.Array, got: pa.Array) -> None:
    """Compares floats within the tolerance."""
    a, b = (x.to_numpy(zero_copy_only=False) for x in (expected, got))
    if not np.array_equal(np.isnan(a), np.isnan(b)) or expected.null_count != got.null_count:
        verdict.differ(f"{column}: {expected.null_count} and {got.null_count} nulls, or others")
        return
    apart = np.maximum(np.abs(a - b) - DIFFERENCES.get(column, 0.0), 0.0)
    with np.errstate(all="ignore"):
        relative = np.nan_to_num(apart / np.maximum(np.abs(a), np.abs(b)))
    if not len(relative):
        return
    worst = int(np.argmax(relative))
    verdict.worst = max(verdict.worst, float(relative[worst]))
    if relative[worst] > RELATIVE:
        verdict.differ(f"{column}: {int((relative > RELATIVE).sum())} differ, such as row {worst}: {a[worst]!r} and {b[worst]!r}")


def main() -> None:
    """Compares all tables."""
    expected, got = (tables.open_catalog(settings.read(file, "")) for file in sys.argv[1:3])
    verdicts = []
    for name in tables.COLUMNS:
        a, b = (catalog.load_table(name).scan().to_arrow() for catalog in (expected, got))
        verdicts.append(asdict(compare(name, a, b)))
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()

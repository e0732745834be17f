"""Compares every cell of a table with what it must be.

Exact types are equal digit by digit. A double is off by no more than `RELATIVE` of the exact value, is null where that is
null, and 0 or of a sign where that is: how a price moved is said by the sign of a double.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from .gold import Double
from .silver import Row, Table

RELATIVE = 1e-12
SHOWN = 5


@dataclass
class Verdict:
    """What came of one table: how many cells were compared, and which differ."""

    table: str
    rows: int
    cells: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    worst: dict[str, float] = field(default_factory=dict)  # by column of doubles, the greatest relative error
    samples: dict[str, tuple[tuple[Any, ...], Row, Row]] = field(default_factory=dict)  # by column, a row that has it

    def differ(self, column: str, text: str) -> None:
        """Notes a difference; of each column the first few are shown."""
        self.differences[column] += 1
        if self.differences[column] <= SHOWN:
            self.shown.append(f"{self.table}.{column} {text}")


def rows_of(file: Path) -> Iterator[Row]:
    """The rows that `reactor query --output json` printed, one a line; numbers keep their digits."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line not in ("[", "]", "[]"):
            yield json.loads(line.rstrip(","), parse_float=Decimal, parse_int=Decimal)


def typed(value: Any, like: Any) -> Any:
    """What JSON shows as the type that it must have."""
    if value is None:
        return None
    if isinstance(like, datetime):
        return datetime.fromisoformat(micros(value))
    if isinstance(like, date):
        return date.fromisoformat(value)
    return value


def micros(text: str) -> str:
    """RFC 3339 with six decimals, which Python 3.10 needs."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<6}+00:00"


def compare(name: str, expected: Table, keys: tuple[str, ...], file: Path) -> Verdict:
    """Compares a table's rows by key, and each row's cells by column."""
    verdict = Verdict(name, len(expected))
    seen = set()
    for row in rows_of(file):
        sample = next(iter(expected.values()), row)
        key = tuple(typed(row[c], sample[c]) for c in keys)
        if key in seen:
            verdict.differ("key", f"{key} is there twice")
        seen.add(key)
        want = expected.get(key)
        if want is None:
            verdict.differ("key", f"{key} must not be there: {row}")
            continue
        for column in row.keys() - verdict.samples.keys():
            if row[column] is not None:
                verdict.samples[column] = (key, want, row)
        compare_row(verdict, key, want, row)
    for key in expected.keys() - seen:
        verdict.differ("key", f"{key} is missing")
    return verdict


def compare_row(verdict: Verdict, key: tuple[Any, ...], want: Row, got: Row) -> None:
    """Compares the cells of one row; the lake must have no column that is not recomputed, and none less."""
    if "says" in want:  # docs/input.md has the words of a reason, not the whole of it
        says = want["says"]
        want = {c: v for c, v in want.items() if c != "says"} | {"reason": got.get("reason")}
        if not got.get("reason") or says not in got["reason"]:
            verdict.differ("reason", f"{key}: {got.get('reason')!r} lacks {says!r}")
    if want.keys() != got.keys():
        verdict.differ("columns", f"{sorted(want.keys() ^ got.keys())} are on one side only")
        return
    for column, value in want.items():
        verdict.cells += 1
        if isinstance(value, Double):
            compare_double(verdict, key, column, value, got[column])
        elif typed(got[column], value) != value:
            verdict.differ(column, f"{key}: {got[column]!r}, must be {value!r}")


def compare_double(verdict: Verdict, key: tuple[Any, ...], column: str, want: Double, got: Any) -> None:
    """Holds a double against the exact value."""
    exact = Fraction(want.value)
    if got is None:
        verdict.differ(column, f"{key}: null, must be {float(exact)!r}")
        return
    got = Fraction(float(got))
    error = abs(got - exact)
    if want.off == 0 and (got > 0) - (got < 0) != (exact > 0) - (exact < 0):
        verdict.differ(column, f"{key}: {float(got)!r} has another sign than {float(exact)!r}")
    elif error > Fraction(RELATIVE) * abs(exact) + Fraction(want.off):
        verdict.differ(column, f"{key}: {float(got)!r}, must be {float(exact)!r}")
    elif exact:
        verdict.worst[column] = max(verdict.worst.get(column, 0.0), float(error / abs(exact)))

"""Doubts the comparison itself: in one row for each column the cell is changed by the least, and the comparison must see it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from .compare import RELATIVE, Verdict, compare_row, micros
from .gold import Double
from .silver import Row

ENOUGH = Context(prec=60)


def altered(want: Any, got: Any) -> Any:  # noqa: PLR0911
    """Another value of the same kind, the nearest that must count as a difference."""
    if isinstance(want, Double):
        if want.off:
            return Decimal(float(got) + want.off * 2 + float(got) * 2 * RELATIVE)
        return Decimal(float(got) * (1 + 2 * RELATIVE)) if got else Decimal("1e-300")
    if isinstance(want, datetime):
        at = datetime.fromisoformat(micros(got)) + timedelta(microseconds=1)
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(want, date):
        return (date.fromisoformat(got) + timedelta(days=1)).isoformat()
    if isinstance(want, Decimal):
        return ENOUGH.add(got, Decimal("1e-28"))
    if isinstance(got, Decimal):
        return got + 1
    return got + "x" if isinstance(got, str) else {"another": []}


def unseen(verdict: Verdict, samples: dict[str, tuple[tuple[Any, ...], Row, Row]]) -> list[str]:
    """The columns in which a changed cell, or a null in its place, is not found."""
    out = []
    for column, (key, want, got) in samples.items():
        for wrong in (altered(want.get(column), got[column]), None):
            scratch = Verdict(verdict.table, 1)
            compare_row(scratch, key, want, got | {column: wrong})
            # Of a reason the words of docs/input.md are compared, and they are still in a longer one.
            if not scratch.differences and not (column == "reason" and wrong):
                out.append(column)
    return out

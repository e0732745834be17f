"""Exact decimals from text, a column at a time, in Arrow."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Holds every digit that a price or an amount comes with, so that rounding is a step of its own.
WIDE = pa.decimal256(76, 44)


def decimals(texts: list[str | None], scale: int) -> tuple[pa.Array, list[int]]:
    """Decimals (38, scale), rounded half even, and the positions of those that were rounded. No text, no number."""
    exact = pa.array(texts, pa.string()).cast(WIDE)
    rounded = pc.round(exact, ndigits=scale, round_mode="half_to_even")
    differ = pc.indices_nonzero(pc.fill_null(pc.not_equal(exact, rounded), False))
    return rounded.cast(pa.decimal128(38, scale)), differ.to_pylist()

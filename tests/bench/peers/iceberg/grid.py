"""Days by assets as a dense matrix: calendar windows are slices of it, and a day that is missing is NaN."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Grid:
    """Where each row of a table is in the matrix."""

    def __init__(self, table: pa.Table) -> None:
        """Places the rows of a table with asset_id and day."""
        codes = table["asset_id"].combine_chunks().dictionary_encode()
        self.asset: Whole = codes.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        days = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
        self.first = int(days.min()) if len(days) else 0
        self.day: Whole = days - self.first
        self.shape = (int(self.day.max()) + 1 if len(days) else 0, len(codes.dictionary))

    def spread(self, values: pa.ChunkedArray | npt.NDArray[np.generic]) -> Floats:
        """A column as a matrix."""
        if isinstance(values, pa.ChunkedArray):
            values = values.cast(pa.float64()).to_numpy()
        matrix = np.full(self.shape, np.nan)
        matrix[self.day, self.asset] = values
        return matrix

    def gather(self, matrix: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """A matrix as a column: the inverse of spread."""
        return matrix[self.day, self.asset]


def ago(matrix: Floats, days: int) -> Floats:
    """What the matrix held so many days before."""
    earlier = np.full_like(matrix, np.nan)
    earlier[days:] = matrix[:-days] if days < len(matrix) else matrix[:0]
    return earlier


def windows(matrix: Floats, days: int) -> Floats:
    """The last so many days of every cell, as a view with one dimension more."""
    before = np.full((days - 1, matrix.shape[1]), np.nan)
    return sliding_window_view(np.concatenate([before, matrix]), days, axis=0)


def count(matrix: Floats, days: int) -> Whole:
    """How many of the last so many days are there."""
    running = np.cumsum(~np.isnan(matrix), axis=0, dtype=np.int64)
    earlier = np.zeros_like(running)
    earlier[days:] = running[:-days] if days < len(running) else running[:0]
    return running - earlier


def highest(matrix: Floats, days: int) -> Floats:
    """The maximum of the last so many days, by doubling: nine steps for a year in place of 365."""
    top, width = matrix, 1
    while width * 2 <= days:
        top, width = np.fmax(top, ago(top, width)), width * 2
    return np.fmax(top, ago(top, days - width)) if width < days else top

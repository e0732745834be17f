"""gold.rolling_averages out of daily closes."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from .grid import Floats, Grid, ago, count, highest, windows


def rolling(daily: pa.Table) -> pa.Table:
    """A row for each row of gold.daily_summary; right for days whose 364 days before are in it as well."""
    grid = Grid(daily)
    price = grid.spread(daily["close"])
    columns = {"asset_id": daily["asset_id"], "day": daily["day"]}
    with np.errstate(all="ignore"):
        seen = {days: count(price, days) for days in (7, 30, 90)}
        for days, n in seen.items():
            # A window with a hole has no mean: NaN is in it.
            columns[f"sma_{days}"] = column(grid, windows(price, days).mean(axis=-1))
            columns[f"n_obs_{days}"] = pa.array(grid.gather(n), pa.int64())
        some = np.where(price == 0, np.nan, price)
        for days in (1, 7, 30):
            columns[f"return_{days}d"] = column(grid, price / ago(some, days) - 1)
        logs = np.log(some)
        returns = logs - ago(logs, 1)
        columns["volatility_30d"] = column(grid, windows(returns, 30).std(axis=-1, ddof=1) * math.sqrt(365))
        columns["drawdown"] = column(grid, price / highest(some, 365) - 1)
    return pa.table(columns)


def column(grid: Grid, matrix: Floats) -> pa.Array:
    """The matrix's values at the rows; NaN becomes null."""
    return pa.array(grid.gather(matrix), pa.float64(), from_pandas=True)

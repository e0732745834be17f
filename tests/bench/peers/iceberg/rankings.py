"""gold.rankings and gold.market_summary."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .grid import Floats, Grid, ago


def rankings(daily: pa.Table) -> pa.Table:
    """A row for each row of gold.daily_summary; right for days whose 7 days before are in it as well."""
    t = daily.select(["asset_id", "day", "market_cap_usd"]).sort_by(
        [("day", "ascending"), ("market_cap_usd", "descending"), ("asset_id", "ascending")]
    )
    rank = place(t["day"])
    known = pc.is_valid(t["market_cap_usd"]).to_numpy()
    cap = t["market_cap_usd"].cast(pa.float64()).to_numpy()
    grid = Grid(t)
    ranked = grid.spread(np.where(known, rank, np.nan))
    by_rank = np.zeros((grid.shape[0], int(rank.max(initial=0))))
    by_rank[grid.day, rank - 1] = np.where(known, cap, 0)
    running = np.cumsum(by_rank, axis=1)
    with np.errstate(all="ignore"):
        total = np.where(running[:, -1] == 0, np.nan, running[:, -1]) if running.size else np.zeros(0)
        share, cumulated = 100 * cap / total[grid.day], 100 * running[grid.day, rank - 1] / total[grid.day]
    return pa.table(
        {
            "asset_id": t["asset_id"],
            "day": t["day"],
            "rank": pa.array(rank, pa.int64()),
            "rank_change_1d": change(grid, ranked, 1),
            "rank_change_7d": change(grid, ranked, 7),
            "market_cap_usd": t["market_cap_usd"],
            "dominance_pct": pa.array(share, pa.float64(), from_pandas=True),
            "cumulative_pct": pa.array(np.where(known, cumulated, np.nan), pa.float64(), from_pandas=True),
        }
    )


def place(days: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The place of each row in its day, from 1; rows are in order of days."""
    numbers = days.cast(pa.int32()).to_numpy()
    return np.arange(len(numbers)) - np.searchsorted(numbers, numbers) + 1


def change(grid: Grid, ranked: Floats, days: int) -> pa.Array:
    """How far each asset climbed; nothing unless both days have a market cap."""
    return pa.array(grid.gather(ago(ranked, days) - ranked), pa.float64(), from_pandas=True).cast(pa.int64())


def market(daily: pa.Table, rolling: pa.Table, ranked: pa.Table) -> pa.Table:
    """A row for each day."""
    sums = daily.group_by("day", use_threads=False).aggregate(
        [("asset_id", "count"), ("market_cap_usd", "sum"), ("volume_usd_24h", "sum")]
    )
    squares = ranked.append_column("square", pc.power(ranked["dominance_pct"], 2))
    squares = squares.group_by("day", use_threads=False).aggregate([("square", "sum")])
    moves = rolling.select(["day", "asset_id", "return_1d"])
    moves = moves.append_column("up", pc.fill_null(pc.greater(moves["return_1d"], 0), False).cast(pa.int64()))
    moves = moves.append_column("down", pc.fill_null(pc.less(moves["return_1d"], 0), False).cast(pa.int64()))
    breadth = moves.group_by("day", use_threads=False).aggregate([("up", "sum"), ("down", "sum")])
    t = sums
    for other in (squares, breadth, leader(moves, "descending", "top_gainer"), leader(moves, "ascending", "top_loser")):
        t = t.join(other, "day", join_type="left outer")
    return t.rename_columns(
        {
            "asset_id_count": "n_assets",
            "market_cap_usd_sum": "total_market_cap_usd",
            "volume_usd_24h_sum": "total_volume_usd",
            "square_sum": "hhi",
            "up_sum": "advancers",
            "down_sum": "decliners",
        }
    )


def leader(moves: pa.Table, order: str, name: str) -> pa.Table:
    """The asset of each day with the first return in the order, and of equal ones the first by its id."""
    t = moves.filter(pc.is_valid(moves["return_1d"]))
    t = t.sort_by([("day", "ascending"), ("return_1d", order), ("asset_id", "ascending")])
    t = t.filter(pa.array(place(t["day"]) == 1))
    return pa.table({"day": t["day"], name: t["asset_id"]})

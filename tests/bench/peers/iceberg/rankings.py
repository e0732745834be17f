"""gold.rankings and gold.market_summary."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .grid import Floats, Grid, ago

NEAR = 1e-14  # a return is a quotient minus 1: some units in the last place of 1, or of a large quotient


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
    moves = moved(daily, rolling)
    breadth = moves.group_by("day", use_threads=False).aggregate([("up", "sum"), ("down", "sum")])
    t = sums
    for other in (squares, breadth, leader(moves, 1, "top_gainer"), leader(moves, -1, "top_loser")):
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


def moved(daily: pa.Table, rolling: pa.Table) -> pa.Table:
    """Each row's return and its two closes. All decimals of those count for up and down, so 1 is more than 0.9999999999999999."""
    closes = daily.select(["asset_id", "day", "close"])
    next_day = pc.add(closes["day"].cast(pa.int32()), pa.scalar(1, pa.int32())).cast(pa.date32())
    before = pa.table({"asset_id": closes["asset_id"], "day": next_day, "before": closes["close"]})
    t = closes.join(before, ["asset_id", "day"], join_type="left outer")
    t = t.join(rolling.select(["asset_id", "day", "return_1d"]), ["asset_id", "day"])
    up, down = pc.greater(t["close"], t["before"]), pc.less(t["close"], t["before"])
    t = t.append_column("up", pc.fill_null(up, False).cast(pa.int64()))
    return t.append_column("down", pc.fill_null(down, False).cast(pa.int64()))


def leader(moves: pa.Table, sign: int, name: str) -> pa.Table:
    """The asset of each day that gained most, or with sign -1 lost most, and of equal ones the first by its id.

    Returns that doubles cannot tell apart are decided by the closes, as fractions: a coin that follows another has them often.
    """
    t = moves.filter(pc.is_valid(moves["return_1d"]))
    t = t.append_column("order", pc.multiply(t["return_1d"], float(sign)))
    t = t.sort_by([("day", "ascending"), ("order", "descending"), ("asset_id", "ascending")])
    days = t["day"].cast(pa.int32()).to_numpy()
    order = t["order"].to_numpy()
    first = np.searchsorted(days, days)
    near = t.filter(pa.array(order >= order[first] - NEAR * np.maximum(1, np.abs(order))))
    days = near["day"].cast(pa.int32()).to_numpy()
    begins = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    best = begins.copy()
    for i in np.flatnonzero(np.diff(begins, append=len(days)) > 1):
        among = near.slice(begins[i], (begins[i + 1] if i + 1 < len(begins) else len(days)) - begins[i]).to_pylist()
        ratios = [(Fraction(r["close"]) / Fraction(r["before"])) ** sign for r in among]
        best[i] += min(range(len(among)), key=lambda j: (-ratios[j], among[j]["asset_id"]))
    found = near.take(pa.array(best, pa.int64()))
    return pa.table({"day": found["day"], name: found["asset_id"]})

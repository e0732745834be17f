from __future__ import annotations

import datetime as dt
import json
import math
import statistics
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from peers.bronze import Version
from peers.iceberg import daily, silver
from peers.iceberg.decimals import decimals
from peers.iceberg.grid import Grid, highest
from peers.iceberg.rankings import market, rankings
from peers.iceberg.rolling import rolling

MOMENT = dt.datetime(2026, 11, 24, 12, 0, 0, 1000, dt.timezone.utc)
FIRST = dt.date(2026, 1, 1)


def version(name: str, ms: int = 1) -> Version:
    return Version(f"bronze/coincap/assets/ingest_date=2026-11-24/{name}.json", "v", MOMENT.replace(microsecond=ms * 1000))


def snapshot(*prices: str | None) -> bytes:
    data = [{"id": f"coin-{i}", "rank": str(i + 1), "priceUsd": p, "tokens": {"1": ["x"]}} for i, p in enumerate(prices)]
    return json.dumps({"timestamp": 1795521600000, "data": data}).encode()


def test_decimals_round_half_even_and_tell() -> None:
    made, rounded = decimals(["0.0000000000000000005", "0.0000000000000000015", "1", None], 18)
    assert made.to_pylist() == [Decimal("0E-18"), Decimal("2E-18"), Decimal("1.000000000000000000"), None]
    assert rounded == [0, 1]


def test_text_that_is_no_number_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        decimals(["one"], 18)


def test_the_winner_is_the_one_stored_last_then_the_greatest_key() -> None:
    fetched = [(version("b", 2), snapshot("1", "5")), (version("a", 3), snapshot("2")), (version("c", 2), snapshot("3", "6"))]
    columns = silver.snapshots(fetched)
    rows = silver.winners(pa.table(columns), ["asset_id", "observed_at"])
    assert rows["price_usd"].to_pylist() == [Decimal(2), Decimal(6)]
    assert rows["source_row"].to_pylist() == [0, 1]
    assert rows["extra"].to_pylist() == [None, None]


def test_extra_keeps_the_text_of_what_was_rounded() -> None:
    body = json.dumps({"timestamp": 1, "data": [{"id": "a", "changePercent24Hr": "0.0123456789012345678"}]}).encode()
    assert silver.snapshots([(version("a"), body)])["extra"].to_pylist() == ['{"changePercent24Hr":"0.0123456789012345678"}']


def test_a_snapshot_beats_history_and_the_finest_history_wins() -> None:
    at = lambda hour, day=24: dt.datetime(2026, 11, day, hour, tzinfo=dt.timezone.utc)  # noqa: E731
    time, price, amount = pa.timestamp("us", "UTC"), pa.decimal128(38, 28), pa.decimal128(38, 18)
    snapshots = pa.table(
        {
            "asset_id": ["a", "a", "a"],
            "observed_at": pa.array([at(3), at(1), at(2)], time),
            "source_key": ["k", "k", "k"],
            "price_usd": pa.array([Decimal(30), Decimal(10), None], price),
            "market_cap_usd": pa.array([Decimal(3), Decimal(1), Decimal(2)], amount),
            "volume_usd_24h": pa.array([None, None, None], amount),
        }
    )
    prices = pa.table(
        {
            "asset_id": ["a", "a", "a", "a"],
            "interval": ["d1", "d1", "h12", "h12"],
            "observed_at": pa.array([at(0), at(0, 23), at(0, 23), at(12, 23)], time),
            "source_key": ["h", "h", "h", "h"],
            "price_usd": pa.array([Decimal(1), Decimal(2), Decimal(3), Decimal(4)], price),
        }
    )
    rows = daily.summary(snapshots, prices).sort_by("day").to_pylist()
    assert [(r["source"], r["open"], r["close"], r["n_samples"], r["market_cap_usd"]) for r in rows] == [
        ("history", 3, 4, 2, None),
        ("snapshot", 10, 30, 2, 3),
    ]


def closes(prices: list[float | None], asset: str = "a") -> pa.Table:
    kept = [(FIRST + dt.timedelta(days=i), p) for i, p in enumerate(prices) if p is not None]
    return pa.table(
        {
            "asset_id": [asset] * len(kept),
            "day": pa.array([d for d, _ in kept], pa.date32()),
            "close": pa.array([Decimal(str(p)) for _, p in kept], pa.decimal128(38, 28)),
        }
    )


def test_windows_are_of_calendar_days_and_complete() -> None:
    prices: list[float | None] = [100.0 + (i * 7) % 11 for i in range(40)]
    prices[5] = None
    rows = rolling(closes(prices)).to_pylist()
    assert len(rows) == 39
    assert all(r["sma_7"] is None for r in rows if r["day"] <= FIRST + dt.timedelta(days=11))
    last = rows[-1]
    assert last["n_obs_7"] == 7 and last["n_obs_30"] == 30 and last["n_obs_90"] == 39 and last["sma_90"] is None
    assert last["sma_30"] == pytest.approx(statistics.mean(prices[-30:]), rel=1e-14)
    returns = [math.log(prices[i] / prices[i - 1]) for i in range(10, 40)]
    assert last["volatility_30d"] == pytest.approx(statistics.stdev(returns) * math.sqrt(365), rel=1e-12)
    assert last["drawdown"] == pytest.approx(prices[-1] / max(p for p in prices if p) - 1)
    assert rows[5]["return_1d"] is None and rows[5]["return_7d"] is None


@pytest.mark.parametrize("days", [1, 2, 7, 365])
def test_the_highest_by_doubling_is_the_highest(days: int) -> None:
    some = np.random.default_rng(1).random((500, 3))
    some[some < 0.2] = np.nan
    for i in range(len(some)):
        assert np.array_equal(highest(some, days)[i], np.fmax.reduce(some[max(0, i - days + 1) : i + 1]), equal_nan=True)


def capped(rows: list[tuple[str, int, int | None]]) -> pa.Table:
    amount = pa.decimal128(38, 18)
    caps = pa.array([None if c is None else Decimal(c) for _, _, c in rows], amount)
    return pa.table(
        {
            "asset_id": [a for a, _, _ in rows],
            "day": pa.array([FIRST + dt.timedelta(days=d) for _, d, _ in rows], pa.date32()),
            "market_cap_usd": caps,
            "volume_usd_24h": caps,
        }
    )


def test_ranks_shares_and_the_day_without_caps() -> None:
    summary = capped([("b", 0, 50), ("a", 0, 50), ("c", 0, None), ("a", 1, 10), ("b", 1, 90), ("a", 2, None)])
    prices = [10, 10, 10, 15, 15, Decimal("13.5")]
    summary = summary.append_column("close", pa.array([Decimal(p) for p in prices], pa.decimal128(38, 28)))
    ranked = rankings(summary)
    rows = {(r["day"].day, r["asset_id"]): r for r in ranked.to_pylist()}
    assert [rows[1, a]["rank"] for a in "abc"] == [1, 2, 3]
    assert rows[2, "b"]["rank_change_1d"] == 1 and rows[2, "a"]["rank_change_1d"] == -1
    assert rows[1, "c"]["dominance_pct"] is None and rows[1, "c"]["cumulative_pct"] is None
    assert rows[2, "a"]["cumulative_pct"] == 100 and rows[3, "a"]["rank_change_1d"] is None
    moves = pa.table(
        {
            "asset_id": summary["asset_id"],
            "day": summary["day"],
            "return_1d": pa.array([None, None, None, 0.5, 0.5, -0.1]),
        }
    )
    days = {r["day"].day: r for r in market(summary, moves, ranked).to_pylist()}
    assert days[1]["hhi"] == 5000 and days[1]["top_gainer"] is None and days[1]["n_assets"] == 3
    assert days[2]["advancers"] == 2 and days[2]["top_gainer"] == "a" and days[2]["top_loser"] == "a"
    assert days[3]["total_market_cap_usd"] is None and days[3]["hhi"] is None and days[3]["decliners"] == 1


def test_all_decimals_decide_who_gained_most() -> None:
    close = ["1", "3", "1.1", "3.3000000000000000000000000001", "1.1", "3.3"]
    summary = capped([("a", 0, 1), ("b", 0, 1), ("a", 1, 1), ("b", 1, 1), ("a", 2, 1), ("b", 2, 1)])
    summary = summary.append_column("close", pa.array([Decimal(c) for c in close], pa.decimal128(38, 28)))
    days = {r["day"].day: r for r in market(summary, rolling(summary), rankings(summary)).to_pylist()}
    assert (days[2]["top_gainer"], days[2]["top_loser"], days[2]["advancers"]) == ("b", "a", 2)
    assert (days[3]["top_gainer"], days[3]["top_loser"], days[3]["decliners"]) == ("a", "b", 1)


def test_an_empty_table_stays_empty() -> None:
    nothing = capped([])
    assert rankings(nothing).num_rows == 0
    assert Grid(nothing).shape == (0, 0)

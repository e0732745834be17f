"""gold.daily_summary out of the two silver tables."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

SECONDS = {"m": 60, "h": 3600, "d": 86400}
READ_SNAPSHOTS = ("asset_id", "observed_at", "source_key", "price_usd", "market_cap_usd", "volume_usd_24h")
READ_PRICES = ("asset_id", "interval", "observed_at", "source_key", "price_usd")


def summary(snapshots: pa.Table, prices: pa.Table) -> pa.Table:
    """A row for each asset and day: of its snapshots when there are any, else of the finest history. No table's order."""
    by_snapshot = grouped(snapshots, ["asset_id", "day"])
    by_snapshot = by_snapshot.append_column("source", pa.repeat("snapshot", by_snapshot.num_rows))
    by_history = grouped(without_amounts(prices), ["asset_id", "day", "interval"])
    by_history = finest(by_history).join(by_snapshot.select(["asset_id", "day"]), ["asset_id", "day"], join_type="left anti")
    by_history = by_history.append_column("source", pa.repeat("history", by_history.num_rows))
    return pa.concat_tables([by_snapshot, by_history.select(by_snapshot.column_names)], promote_options="permissive")


def without_amounts(prices: pa.Table) -> pa.Table:
    """History has neither market cap nor volume."""
    nothing = pa.nulls(prices.num_rows, pa.decimal128(38, 18))
    return prices.append_column("market_cap_usd", nothing).append_column("volume_usd_24h", nothing)


def grouped(samples: pa.Table, key: list[str]) -> pa.Table:
    """Sums up the samples that have a price; the first and the last are by time, then by the object they came from."""
    t = samples.filter(pc.is_valid(samples["price_usd"]))
    t = t.append_column("day", t["observed_at"].cast(pa.date32()))
    t = t.sort_by([(column, "ascending") for column in (*key, "observed_at", "source_key")])
    t = t.append_column("i", pa.array(range(t.num_rows), pa.int64())).append_column("price", t["price_usd"].cast(pa.float64()))
    g = t.group_by(key, use_threads=False).aggregate(
        [("i", "min"), ("i", "max"), ("price_usd", "max"), ("price_usd", "min"), ("price", "mean"), ("i", "count")]
    )
    first, last = g["i_min"], g["i_max"]
    return pa.table(
        {
            **{column: g[column] for column in key},
            "open": t["price_usd"].take(first),
            "high": g["price_usd_max"],
            "low": g["price_usd_min"],
            "close": t["price_usd"].take(last),
            "avg_price": g["price_mean"],
            "market_cap_usd": t["market_cap_usd"].take(last),
            "volume_usd_24h": t["volume_usd_24h"].take(last),
            "n_samples": g["i_count"],
            "first_observed_at": t["observed_at"].take(first),
            "last_observed_at": t["observed_at"].take(last),
        }
    )


def finest(by_interval: pa.Table) -> pa.Table:
    """One row for each asset and day: of the interval with the fewest seconds."""
    seconds = [int(i[1:]) * SECONDS[i[0]] for i in by_interval["interval"].to_pylist()]
    t = by_interval.append_column("seconds", pa.array(seconds, pa.int64()))
    t = t.sort_by([("asset_id", "ascending"), ("day", "ascending"), ("seconds", "ascending")])
    t = t.append_column("i", pa.array(range(t.num_rows), pa.int64()))
    best = t.group_by(["asset_id", "day"], use_threads=False).aggregate([("i", "min")])["i_min"]
    return t.take(best).drop_columns(["i", "seconds", "interval"])

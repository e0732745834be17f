"""The four gold tables as Spark SQL: the project's models in Spark's words.

Spark's decimals lose digits or become null where a sum or a quotient needs more than 38 (`avg` of decimal(38,28) leaves six
before the point), so sums are over decimal(38,18), and averages over doubles.
"""

from __future__ import annotations

from fractions import Fraction

from pyspark.sql import DataFrame, Row

DAILY = """
with samples as (
    select asset_id, observed_at, source_key, price_usd, market_cap_usd, volume_usd_24h, 'snapshot' as source, 0 as seconds
    from {snapshots} where price_usd is not null
    union all
    select asset_id, observed_at, source_key, price_usd, null, null, 'history',
        case substring(interval, 1, 1) when 'm' then 60 when 'h' then 3600 else 86400 end * cast(substring(interval, 2) as int)
    from {prices} where price_usd is not null
),
by_interval as (
    select asset_id, cast(observed_at as date) as day, source, seconds,
        min_by(price_usd, struct(observed_at, source_key)) as open,
        max(price_usd) as high,
        min(price_usd) as low,
        max_by(struct(price_usd, market_cap_usd, volume_usd_24h), struct(observed_at, source_key)) as last_sample,
        avg(cast(price_usd as double)) as avg_price,
        count(*) as n_samples,
        min(observed_at) as first_observed_at,
        max(observed_at) as last_observed_at
    from samples
    group by asset_id, cast(observed_at as date), source, seconds
)
select asset_id, day, open, high, low, last_sample.price_usd as close, avg_price, last_sample.market_cap_usd,
    last_sample.volume_usd_24h, n_samples, first_observed_at, last_observed_at, source
from (select *, row_number() over (partition by asset_id, day order by seconds) as best from by_interval)
where best = 1
"""

# One sort by asset and day serves every window.
ROLLING = """
with closes as (
    select asset_id, day, unix_date(day) as n, nullif(cast(close as double), 0) as price from {daily}
),
returns as (
    select *, case when lag(n) over by_day = n - 1 then ln(price) - ln(lag(price) over by_day) end as log_return
    from closes window by_day as (partition by asset_id order by n)
),
windows as (
    select *, count(*) over last_7 as n_obs_7, count(*) over last_30 as n_obs_30, count(*) over last_90 as n_obs_90,
        avg(price) over last_7 as avg_7, avg(price) over last_30 as avg_30, avg(price) over last_90 as avg_90,
        count(log_return) over last_30 as n_returns, stddev_samp(log_return) over last_30 as deviation,
        max(price) over last_365 as highest,
        max(price) over day_ago as price_1, max(price) over week_ago as price_7, max(price) over month_ago as price_30
    from returns
    window last_7 as (partition by asset_id order by n range 6 preceding),
        last_30 as (partition by asset_id order by n range 29 preceding),
        last_90 as (partition by asset_id order by n range 89 preceding),
        last_365 as (partition by asset_id order by n range 364 preceding),
        day_ago as (partition by asset_id order by n range between 1 preceding and 1 preceding),
        week_ago as (partition by asset_id order by n range between 7 preceding and 7 preceding),
        month_ago as (partition by asset_id order by n range between 30 preceding and 30 preceding)
)
select asset_id, day,
    case when n_obs_7 = 7 then avg_7 end as sma_7,
    case when n_obs_30 = 30 then avg_30 end as sma_30,
    case when n_obs_90 = 90 then avg_90 end as sma_90,
    n_obs_7, n_obs_30, n_obs_90,
    price / price_1 - 1 as return_1d, price / price_7 - 1 as return_7d, price / price_30 - 1 as return_30d,
    case when n_returns = 30 then deviation * sqrt(365D) end as volatility_30d,
    price / highest - 1 as drawdown
from windows
"""

RANKINGS = """
with ranked as (
    select asset_id, day, unix_date(day) as n, market_cap_usd, market_cap_usd is not null as known,
        row_number() over (partition by day order by market_cap_usd desc nulls last, asset_id) as rank,
        nullif(cast(sum(market_cap_usd) over (partition by day) as double), 0) as total,
        cast(sum(market_cap_usd) over (partition by day order by market_cap_usd desc nulls last, asset_id
            rows unbounded preceding) as double) as running
    from {daily}
),
looked_back as (
    select *, max(case when known then rank end) over day_ago as rank_1,
        max(case when known then rank end) over week_ago as rank_7
    from ranked
    window day_ago as (partition by asset_id order by n range between 1 preceding and 1 preceding),
        week_ago as (partition by asset_id order by n range between 7 preceding and 7 preceding)
)
select asset_id, day, cast(rank as bigint) as rank,
    case when known then cast(rank_1 - rank as bigint) end as rank_change_1d,
    case when known then cast(rank_7 - rank as bigint) end as rank_change_7d,
    market_cap_usd, 100 * cast(market_cap_usd as double) / total as dominance_pct,
    case when known then 100 * running / total end as cumulative_pct
from looked_back
"""

# All decimals of two closes count for who rose and who gained most: a coin that follows another has returns of one double.
MARKET = """
with closes as (
    select *, max(close) over (partition by asset_id order by unix_date(day) range between 1 preceding and 1 preceding) as before
    from {daily}
),
moves as (
    select *, max(return_1d) over (partition by day) as most, min(return_1d) over (partition by day) as least
    from closes join {rolling} using (asset_id, day)
),
days as (
    select day, count(*) as n_assets,
        cast(sum(summary.market_cap_usd) as decimal(38, 18)) as total_market_cap_usd,
        cast(sum(summary.volume_usd_24h) as decimal(38, 18)) as total_volume_usd,
        sum(dominance_pct * dominance_pct) as hhi,
        count_if(close > before) as advancers,
        count_if(close < before) as decliners,
        collect_list(struct(asset_id, close as over, before as under))
            filter (where return_1d >= most - 1e-14D * greatest(1D, abs(most))) as gainers,
        collect_list(struct(asset_id, before as over, close as under))
            filter (where return_1d <= least + 1e-14D * greatest(1D, abs(least))) as losers
    from moves as summary
    join {rankings} using (asset_id, day)
    group by day
)
select day, n_assets, total_market_cap_usd, total_volume_usd, hhi, advancers, decliners,
    furthest(gainers) as top_gainer, furthest(losers) as top_loser
from days
"""


def furthest(assets: list[Row]) -> str | None:
    """The asset with the greatest quotient of its two closes, and of equal ones the first by its id. In Python: exact."""
    if not assets:
        return None
    return min(assets, key=lambda a: (-Fraction(a["over"]) / Fraction(a["under"]), a["asset_id"]))["asset_id"]


def daily(snapshots: DataFrame, prices: DataFrame) -> DataFrame:
    """gold.daily_summary."""
    return snapshots.sparkSession.sql(DAILY, snapshots=snapshots, prices=prices)


def rolling(summary: DataFrame) -> DataFrame:
    """gold.rolling_averages; right for days whose 364 days before are in the summary as well."""
    return summary.sparkSession.sql(ROLLING, daily=summary)


def rankings(summary: DataFrame) -> DataFrame:
    """gold.rankings; right for days whose 7 days before are in the summary as well."""
    return summary.sparkSession.sql(RANKINGS, daily=summary)


def market(summary: DataFrame, averages: DataFrame, ranked: DataFrame) -> DataFrame:
    """gold.market_summary."""
    summary.sparkSession.udf.register("furthest", furthest, "string")
    return summary.sparkSession.sql(MARKET, daily=summary, rolling=averages, rankings=ranked)

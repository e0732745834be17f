-- model: gold.rankings
-- grain: asset_id, day
-- lookback: 7 days
-- column: asset_id CoinCap's slug of the asset
-- column: day UTC calendar day
-- column: rank place by market cap among the assets in the table, from 1; assets without one are last, ties go by asset_id
-- column: rank_change_1d places climbed since the day before, negative when it fell; null unless both days have a market cap [places]
-- column: rank_change_7d places climbed in 7 days, negative when it fell; null unless both days have a market cap [places]
-- column: market_cap_usd market capitalisation of the day's last sample [USD]
-- column: dominance_pct share of the summed market cap of the assets in the table [percent]
-- column: cumulative_pct share of this asset and all above it [percent]
--
-- The assets of each day by market cap, those without one last, ties by asset_id. A change of rank is positive when the
-- asset climbed, and null unless both days have a market cap: without one the rank goes by name. Shares are of the assets
-- in the table, not of the whole market.
-- The condition on today's market cap stands outside the joins: in a left join's condition it makes DuckDB compare every row
-- with every other (17 s in place of 0.2 s for ten years of twenty assets).
with ranked as (
    select asset_id, day, market_cap_usd,
        row_number() over (partition by day order by market_cap_usd desc nulls last, asset_id) as rank,
        list_aggregate([nullif(sum(market_cap_usd::decimal(38, 18)) over (partition by day), 0)], 'avg') as total
    from gold.daily_summary
)

select today.asset_id, today.day, today.rank,
    case when today.market_cap_usd is not null then day_ago.rank - today.rank end as rank_change_1d,
    case when today.market_cap_usd is not null then week_ago.rank - today.rank end as rank_change_7d,
    today.market_cap_usd,
    100 * list_aggregate([today.market_cap_usd], 'avg') / today.total as dominance_pct,
    case when today.market_cap_usd is not null then
        100 * list_aggregate([sum(today.market_cap_usd::decimal(38, 18)) over (partition by today.day order by today.rank)], 'avg') / today.total
    end as cumulative_pct
from ranked as today
left join ranked as day_ago on day_ago.asset_id = today.asset_id and day_ago.day = today.day - 1
    and day_ago.market_cap_usd is not null
left join ranked as week_ago on week_ago.asset_id = today.asset_id and week_ago.day = today.day - 7
    and week_ago.market_cap_usd is not null

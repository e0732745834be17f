-- model: gold.market_summary
-- grain: day
-- lookback: 1 day
-- column: day UTC calendar day
-- column: n_assets number of assets in the table that day [assets]
-- column: total_market_cap_usd summed market cap of those that have one [USD]
-- column: total_volume_usd summed volume of those that have one [USD]
-- column: hhi Herfindahl-Hirschman index of concentration: sum of the squared shares in percent; 10,000 is one asset alone [percent²]
-- column: advancers number of assets whose close rose since the day before [assets]
-- column: decliners number of assets whose close fell since the day before [assets]
-- column: top_gainer asset_id with the greatest return_1d; of equal ones the first by its id
-- column: top_loser asset_id with the least return_1d; of equal ones the first by its id
--
-- One row for each day: the size, the concentration and the breadth of the assets in the table.
-- All 28 decimals of two closes count for which assets advanced, and which gained or lost most: "1" and "0.9999999999999999" are
-- one double. return_1d has the sign of the exact difference. Where it cannot tell two assets from each other, the quotients of
-- their closes are compared as fractions, a / b with c / d by the products a * d and c * b. A product has 76 digits, so it is
-- made of parts of 19. That is seldom: the other days skip it.
with today as materialized (
    select day, asset_id, close, summary.market_cap_usd, summary.volume_usd_24h, dominance_pct, return_1d,
        max(return_1d) over (partition by day) as greatest_return,
        min(return_1d) over (partition by day) as least_return
    from gold.daily_summary as summary
    join gold.rolling_averages using (asset_id, day)
    join gold.rankings using (asset_id, day)
),

-- A double's return is less than 2e-15 of itself off; 0 is exact.
near as (
    select day, asset_id, close, 'gainer' as what, count(*) over (partition by day) as n
    from today
    where return_1d >= greatest_return - 1e-14 * abs(greatest_return) and greatest_return <> 0
    union all
    select day, asset_id, close, 'loser', count(*) over (partition by day)
    from today
    where return_1d <= least_return + 1e-14 * abs(least_return) and least_return <> 0
),

digits as materialized (
    select near.day, near.asset_id, what,
        lpad(replace(near.close::varchar, '.', ''), 38, '0') as close_digits,
        lpad(replace(before.close::varchar, '.', ''), 38, '0') as before_digits
    from near
    join gold.daily_summary as before on before.asset_id = near.asset_id and before.day = near.day - 1
    where n > 1
),

parts as (
    select day, asset_id, what,
        close_digits[:19]::uhugeint as a1, close_digits[20:]::uhugeint as a0,
        before_digits[:19]::uhugeint as b1, before_digits[20:]::uhugeint as b0
    from digits
),

products as (
    select one.day, one.what, one.asset_id, other.asset_id as other_id,
        one.a1 * other.b1 as high, one.a1 * other.b0 + one.a0 * other.b1 as middle, one.a0 * other.b0 as low,
        other.a1 * one.b1 as other_high, other.a1 * one.b0 + other.a0 * one.b1 as other_middle, other.a0 * one.b0 as other_low
    from parts as one
    join parts as other on other.day = one.day and other.what = one.what and other.asset_id <> one.asset_id
),

carried as (
    select day, what, asset_id, other_id,
        middle + low // 10000000000000000000::uhugeint as middle, low % 10000000000000000000::uhugeint as low, high,
        other_middle + other_low // 10000000000000000000::uhugeint as other_middle,
        other_low % 10000000000000000000::uhugeint as other_low, other_high
    from products
),

compared as (
    select day, what, asset_id, other_id,
        (high + middle // 10000000000000000000::uhugeint, middle % 10000000000000000000::uhugeint, low) as own,
        (other_high + other_middle // 10000000000000000000::uhugeint, other_middle % 10000000000000000000::uhugeint, other_low) as others
    from carried
),

-- of equal ones the first asset by its id
decided as (
    select day, what, asset_id
    from compared
    group by day, what, asset_id
    having bool_and(own = others and asset_id < other_id or case what when 'gainer' then own > others else own < others end)
),

days as (
    select day,
        count(*) as n_assets,
        sum(market_cap_usd::decimal(38, 18)) as total_market_cap_usd,
        sum(volume_usd_24h::decimal(38, 18)) as total_volume_usd,
        -- Herfindahl-Hirschman index: the sum of the squared shares in percent; 10,000 is one asset alone. Added up as
        -- decimals: an ordered list takes 48 KB for each day of more than 16 assets.
        sum((dominance_pct * dominance_pct)::decimal(38, 24))::double as hhi,
        count(*) filter (where return_1d > 0) as advancers,
        count(*) filter (where return_1d < 0) as decliners,
        arg_min(asset_id, (-return_1d, asset_id)) filter (where return_1d is not null) as gainer,
        arg_min(asset_id, (return_1d, asset_id)) filter (where return_1d is not null) as loser
    from today
    group by day
)

select days.day, n_assets, total_market_cap_usd, total_volume_usd, hhi, advancers, decliners,
    coalesce(gainers.asset_id, gainer) as top_gainer,
    coalesce(losers.asset_id, loser) as top_loser
from days
left join decided as gainers on gainers.day = days.day and gainers.what = 'gainer'
left join decided as losers on losers.day = days.day and losers.what = 'loser'

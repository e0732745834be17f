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
-- one double. A return is made as in rolling_averages, which is not read here: its drawdown changes for a year after a changed
-- price, and a day of this table is made of two days of prices.
with moves as (
    select today.day, today.asset_id, today.close, before.close as before, today.market_cap_usd, today.volume_usd_24h, dominance_pct,
        list_aggregate([today.close - before.close], 'avg') / nullif(list_aggregate([before.close], 'avg'), 0) as return_1d
    from gold.daily_summary as today
    join gold.rankings using (asset_id, day)
    left join gold.daily_summary as before on before.asset_id = today.asset_id and before.day = today.day - 1
),

extremes as (
    select *, max(return_1d, 2) over by_day as most, min(return_1d, 2) over by_day as least
    from moves
    window by_day as (partition by day)
),

days as (
    select day,
        count(*) as n_assets,
        sum(market_cap_usd::decimal(38, 18)) as total_market_cap_usd,
        sum(volume_usd_24h::decimal(38, 18)) as total_volume_usd,
        -- Added up as decimals: an ordered list takes 48 KB for each day of more than 16 assets.
        list_aggregate([sum((dominance_pct * dominance_pct)::decimal(38, 24))], 'avg') as hhi,
        count(*) filter (where close > before) as advancers,
        count(*) filter (where close < before) as decliners,
        arg_min(asset_id, (-return_1d, asset_id)) filter (where return_1d is not null) as gainer,
        arg_min(asset_id, (return_1d, asset_id)) filter (where return_1d is not null) as loser,
        -- Assets whose returns doubles cannot tell apart: the double is less than 1e-15 of itself off, and exact where it is 0.
        -- Of them the one gained most whose over / under is the greatest. Other days have no such list.
        [
            list({'asset_id': asset_id, 'over': close, 'under': before} order by asset_id) filter (
                where most[1] <> 0 and most[2] >= most[1] - 1e-14 * abs(most[1]) and return_1d >= most[1] - 1e-14 * abs(most[1])),
            list({'asset_id': asset_id, 'over': before, 'under': close} order by asset_id) filter (
                where least[1] <> 0 and least[2] <= least[1] + 1e-14 * abs(least[1]) and return_1d <= least[1] + 1e-14 * abs(least[1]))
        ] as near
    from extremes
    group by day
),

-- a / b is greater than c / d when a * d is greater than c * b. A product has 76 digits, so it is made of halves of 19.
-- Equal fractions leave the first asset by its id.
decided as (
    select *, list_transform(near, lambda assets: list_reduce(assets, lambda best, other:
        list_transform([list_transform([[other.over, best.under], [best.over, other.under]], lambda pair:
            list_transform([list_transform(pair, lambda price: replace(price::varchar, '.', '')::uhugeint)], lambda n:
                ((n[1] // 10000000000000000000) * (n[2] // 10000000000000000000) || repeat('0', 38))::bignum
                + ((n[1] // 10000000000000000000) * (n[2] % 10000000000000000000)
                    + (n[1] % 10000000000000000000) * (n[2] // 10000000000000000000) || repeat('0', 19))::bignum
                + ((n[1] % 10000000000000000000) * (n[2] % 10000000000000000000))::bignum
            )[1])], lambda products: case when products[1] > products[2] then other else best end)[1]).asset_id) as firsts
    from days
)

select day, n_assets, total_market_cap_usd, total_volume_usd, hhi, advancers, decliners,
    coalesce(firsts[1], gainer) as top_gainer,
    coalesce(firsts[2], loser) as top_loser
from decided

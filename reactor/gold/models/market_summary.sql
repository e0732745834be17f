-- model: gold.market_summary
-- grain: day
-- lookback: 0 days
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
select day,
    count(*) as n_assets,
    sum(summary.market_cap_usd::decimal(38, 18)) as total_market_cap_usd,
    sum(summary.volume_usd_24h::decimal(38, 18)) as total_volume_usd,
    -- Herfindahl-Hirschman index: the sum of the squared shares in percent; 10,000 is one asset alone. Added up as decimals:
    -- an ordered list takes 48 KB for each day of more than 16 assets.
    sum((dominance_pct * dominance_pct)::decimal(38, 24))::double as hhi,
    count(*) filter (where return_1d > 0) as advancers,
    count(*) filter (where return_1d < 0) as decliners,
    -- the greatest return, and of equal ones the first asset by its id
    arg_min(asset_id, (-return_1d, asset_id)) filter (where return_1d is not null) as top_gainer,
    arg_min(asset_id, (return_1d, asset_id)) filter (where return_1d is not null) as top_loser
from gold.daily_summary as summary
join gold.rolling_averages using (asset_id, day)
join gold.rankings using (asset_id, day)
group by day

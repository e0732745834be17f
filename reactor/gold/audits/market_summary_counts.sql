-- audit: market_summary_counts
-- of: gold.market_summary
--
-- Every asset of the day is counted, and the concentration index lies between its bounds.
select day, n_assets, advancers, decliners, hhi
from gold.market_summary
where n_assets <> (select count(*) from gold.daily_summary as summary where summary.day = market_summary.day)
    or advancers + decliners > n_assets
    or hhi not between 0 and 10000.001

-- audit: rankings_shares
-- of: gold.rankings
--
-- The shares of a day add up to 100 where any asset has a market cap above 0.
select day, sum(dominance_pct) as dominance_pct
from gold.rankings
group by day
having max(market_cap_usd) > 0 and (sum(dominance_pct) is null or abs(sum(dominance_pct) - 100) > 1e-6)

-- audit: rolling_averages_bounds
-- of: gold.rolling_averages
--
-- A price is not above the highest of the last year, a window has no more days than it is long, and an average is there
-- when its window is complete.
select asset_id, day, drawdown, n_obs_7, n_obs_30, n_obs_90, sma_7, sma_30, sma_90
from gold.rolling_averages
where drawdown > 0
    or n_obs_7 not between 1 and 7
    or n_obs_30 not between n_obs_7 and 30
    or n_obs_90 not between n_obs_30 and 90
    or (sma_7 is null) = (n_obs_7 = 7)
    or (sma_30 is null) = (n_obs_30 = 30)
    or (sma_90 is null) = (n_obs_90 = 90)

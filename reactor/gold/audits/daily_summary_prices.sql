-- audit: daily_summary_prices
-- of: gold.daily_summary
--
-- The low is the least of a day's prices and the high the greatest, and the average lies between them. The average is a
-- double, so it may miss them by its last digits. list_aggregate([x], 'avg') is the double next to x, nine times as quick as a cast.
select asset_id, day, open, high, low, close, avg_price, n_samples
from gold.daily_summary
where low > least(open, close)
    or high < greatest(open, close)
    or avg_price < list_aggregate([low], 'avg') * (1 - 1e-9)
    or avg_price > list_aggregate([high], 'avg') * (1 + 1e-9)
    or n_samples < 1
    or first_observed_at > last_observed_at

-- model: gold.rolling_averages
-- grain: asset_id, day
-- lookback: 364 days
-- column: asset_id CoinCap's slug of the asset
-- column: day UTC calendar day
-- column: sma_7 average close of the 7 days up to this one; null unless all 7 are there [USD]
-- column: sma_30 average close of 30 days; null unless all 30 are there [USD]
-- column: sma_90 average close of 90 days; null unless all 90 are there [USD]
-- column: n_obs_7 how many of the last 7 days are there [days]
-- column: n_obs_30 how many of the last 30 days are there [days]
-- column: n_obs_90 how many of the last 90 days are there [days]
-- column: return_1d change of the close since the day before; null when that day is missing [fraction]
-- column: return_7d change of the close in 7 days; null when that day is missing [fraction]
-- column: return_30d change of the close in 30 days; null when that day is missing [fraction]
-- column: volatility_30d sample standard deviation of 30 daily log returns, times the root of 365; null unless all are there [fraction a year]
-- column: drawdown distance of the close from the highest close of 365 days, 0 or below [fraction]
--
-- Moving averages, returns, volatility and drawdown of the daily close, over calendar days: a window with a hole is not
-- complete, and its average is null; n_obs_* says how many of its days are there.
-- Windows over doubles would depend on where the input begins (DuckDB adds them up in a tree), so averages are over
-- decimals, which are exact, and the deviation is over a list in day order. The way to the decimal leads over a double
-- because that is three times as fast, and a double's 16 digits are what an average needs. A return has the sign and the first
-- 15 digits of the exact one: its difference is made in decimals. A close becomes a double once,
-- for all that reads it: that is a division of 128 bits, and done at each place it took half of the time of many days.
with closes as materialized (
    select asset_id, day, close, close::double as price
    from gold.daily_summary
),

-- What 26 decimals leave of prices below 10^-9, which have fewer than 16 digits there. Most lakes have none, and pay nothing.
rests as (
    select today.asset_id, today.day,
        sum((tiny.close - tiny.price::decimal(38, 26))::decimal(38, 28)) filter (where tiny.day > today.day - 7) as rest_7,
        sum((tiny.close - tiny.price::decimal(38, 26))::decimal(38, 28)) filter (where tiny.day > today.day - 30) as rest_30,
        sum((tiny.close - tiny.price::decimal(38, 26))::decimal(38, 28)) as rest_90
    from closes as today
    join closes as tiny on tiny.asset_id = today.asset_id and tiny.day between today.day - 89 and today.day
    where tiny.price < 1e-9
    group by today.asset_id, today.day
),

returns as (
    select asset_id, day, close, price,
        price::decimal(38, 26) as exact_price,
        case when lag(day) over by_day = day - 1
            then ln(nullif(price, 0)) - ln(nullif(lag(price) over by_day, 0))
        end as log_return
    from closes
    window by_day as (partition by asset_id order by day)
),

windows as (
    select asset_id, day, close, price,
        count(*) over last_7 as n_obs_7,
        count(*) over last_30 as n_obs_30,
        count(*) over last_90 as n_obs_90,
        sum(exact_price::decimal(38, 26)) over last_7 as sum_7,
        sum(exact_price::decimal(38, 26)) over last_30 as sum_30,
        sum(exact_price::decimal(38, 26)) over last_90 as sum_90,
        list(log_return) over last_30 as log_returns,
        max(price) over last_365 as highest
    from returns
    window  -- over day numbers: ranges over dates and intervals take twice as long
        last_7 as (partition by asset_id order by day - date '1970-01-01' range 6 preceding),
        last_30 as (partition by asset_id order by day - date '1970-01-01' range 29 preceding),
        last_90 as (partition by asset_id order by day - date '1970-01-01' range 89 preceding),
        last_365 as (partition by asset_id order by day - date '1970-01-01' range 364 preceding)
)

select today.asset_id, today.day,
    case when n_obs_7 = 7 then (sum_7::double + coalesce(rest_7, 0)::double) / 7 end as sma_7,
    case when n_obs_30 = 30 then (sum_30::double + coalesce(rest_30, 0)::double) / 30 end as sma_30,
    case when n_obs_90 = 90 then (sum_90::double + coalesce(rest_90, 0)::double) / 90 end as sma_90,
    n_obs_7, n_obs_30, n_obs_90,
    (today.close - day_ago.close)::double / nullif(day_ago.price, 0) as return_1d,
    (today.close - week_ago.close)::double / nullif(week_ago.price, 0) as return_7d,
    (today.close - month_ago.close)::double / nullif(month_ago.price, 0) as return_30d,
    -- of the last 30 daily log returns, all of them there, to a year of 365 days
    case when list_count(log_returns) = 30
        then list_aggregate(log_returns, 'stddev_samp') * sqrt(365)
    end as volatility_30d,
    today.price / nullif(highest, 0) - 1 as drawdown
from windows as today
left join rests on rests.asset_id = today.asset_id and rests.day = today.day
left join closes as day_ago on day_ago.asset_id = today.asset_id and day_ago.day = today.day - 1
left join closes as week_ago on week_ago.asset_id = today.asset_id and week_ago.day = today.day - 7
left join closes as month_ago on month_ago.asset_id = today.asset_id and month_ago.day = today.day - 30

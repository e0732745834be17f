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
-- because that is three times as fast, and a double's 16 digits are what an average needs.
-- All 28 decimals count for a return and for the drawdown: each is the double of an exact difference, so its sign is exact, it
-- is 0 when nothing changed, and its first 15 digits are right. Averages have 15 digits, too. So have the log returns that the
-- volatility is of; where they are nearly equal to each other, it has as many digits less as they have in common.
-- list_aggregate([x], 'avg') is the double next to the decimal x. A cast gives the same but for the last digit, and takes fifteen
-- times as long: it divides 128 bits, and was half of the time of many days.
with closes as materialized (
    select asset_id, day, close, list_aggregate([close], 'avg') as price
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

-- A join to the day before takes a tenth of the time of lag.
returns as (
    select today.asset_id, today.day, today.close, today.price, day_ago.price as price_before,
        today.price::decimal(38, 26) as exact_price,
        list_aggregate([today.close - day_ago.close], 'avg') / nullif(day_ago.price, 0) as return_1d
    from closes as today
    left join closes as day_ago on day_ago.asset_id = today.asset_id and day_ago.day = today.day - 1
),

windows as (
    select asset_id, day, close, return_1d,
        count(*) over last_7 as n_obs_7,
        count(*) over last_90 as n_obs_90,
        avg(exact_price::decimal(38, 26)) over last_7 as avg_7,
        avg(exact_price::decimal(38, 26)) over last_30 as avg_30,
        avg(exact_price::decimal(38, 26)) over last_90 as avg_90,
        -- Null where the day before is missing. ln(1 + r) of a small return r is lost in the 1; what the 1 rounds off, the quotient
        -- brings back (W. Kahan's log1p).
        list(case when abs(return_1d) < 0.5
            then case when 1 + return_1d = 1 then return_1d else ln(1 + return_1d) * return_1d / ((1 + return_1d) - 1) end
            else ln(nullif(price, 0)) - ln(nullif(price_before, 0))
        end) over last_30 as log_returns,
        max(close) over last_365 as highest
    from returns
    window  -- over day numbers: ranges over dates and intervals take twice as long
        last_7 as (partition by asset_id order by day - date '1970-01-01' range 6 preceding),
        last_30 as (partition by asset_id order by day - date '1970-01-01' range 29 preceding),
        last_90 as (partition by asset_id order by day - date '1970-01-01' range 89 preceding),
        last_365 as (partition by asset_id order by day - date '1970-01-01' range 364 preceding)
)

select today.asset_id, today.day,
    case when n_obs_7 = 7 then avg_7 + coalesce(list_aggregate([rest_7], 'avg') / 7, 0) end as sma_7,
    case when len(log_returns) = 30 then avg_30 + coalesce(list_aggregate([rest_30], 'avg') / 30, 0) end as sma_30,
    case when n_obs_90 = 90 then avg_90 + coalesce(list_aggregate([rest_90], 'avg') / 90, 0) end as sma_90,
    n_obs_7, len(log_returns) as n_obs_30, n_obs_90,
    return_1d,
    list_aggregate([today.close - week_ago.close], 'avg') / nullif(week_ago.price, 0) as return_7d,
    list_aggregate([today.close - month_ago.close], 'avg') / nullif(month_ago.price, 0) as return_30d,
    -- of the last 30 daily log returns, all of them there, to a year of 365 days
    case when list_count(log_returns) = 30
        then list_aggregate(log_returns, 'stddev_samp') * sqrt(365)
    end as volatility_30d,
    list_aggregate([today.close - highest], 'avg') / nullif(list_aggregate([highest], 'avg'), 0) as drawdown
from windows as today
left join rests on rests.asset_id = today.asset_id and rests.day = today.day
left join closes as week_ago on week_ago.asset_id = today.asset_id and week_ago.day = today.day - 7
left join closes as month_ago on month_ago.asset_id = today.asset_id and month_ago.day = today.day - 30

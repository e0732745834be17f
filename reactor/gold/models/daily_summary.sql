-- model: gold.daily_summary
-- grain: asset_id, day
-- lookback: 0 days
-- column: asset_id CoinCap's slug of the asset
-- column: day UTC calendar day of the samples
-- column: open price of the day's first sample [USD]
-- column: high highest price of the day's samples [USD]
-- column: low lowest price of the day's samples [USD]
-- column: close price of the day's last sample [USD]
-- column: avg_price average price of the day's samples, each counted once [USD]
-- column: market_cap_usd market capitalisation that came with the last sample; null where history alone is known [USD]
-- column: volume_usd_24h volume traded in the 24 hours before the last sample; null where history alone is known [USD]
-- column: n_samples number of prices that the day is made of [samples]
-- column: first_observed_at time of the first sample
-- column: last_observed_at time of the last sample
-- column: source where the samples are from: snapshot where the day has any, else history
--
-- One row for each asset and UTC day: its sampled prices in time order. CoinCap is an average over exchanges, so high and
-- low are those of the samples, not of the trades; n_samples says how many there were.
-- A day with snapshots is summed up from them; a day without from the finest history there is. Rows without a price are
-- no samples. The day is UTC's by way of microseconds: a plain cast of a time with a zone takes ten times as long.
with samples as (
    select asset_id, observed_at, source_key, price_usd, market_cap_usd, volume_usd_24h, 'snapshot' as source, '' as interval
    from silver.asset_snapshots
    where price_usd is not null
    union all
    select asset_id, observed_at, source_key, price_usd, null, null, 'history', interval
    from silver.asset_prices
    where price_usd is not null
),

-- First and last are by time, and two samples of one instant by the object they came from: a total order, so that no
-- thread and no order of arrival can show. The last sample is kept whole, for its market cap belongs to its price.
by_interval as (
    select asset_id, cast(make_timestamp(epoch_us(observed_at)) as date) as day, source, interval,
        arg_min(price_usd, (observed_at, source_key)) as open,
        max(price_usd) as high,
        min(price_usd) as low,
        arg_max(
            {'price': price_usd, 'market_cap': market_cap_usd, 'volume': volume_usd_24h}, (observed_at, source_key)
        ) as last_sample,
        count(*) as n_samples,
        -- Decimals add up exactly, doubles by the order they come in. Below 1,000 all 28 decimals of a price count. From there on
        -- the 16 digits of a double do, and 18 decimals, so that 10^10 samples of the greatest price there can be fit the sum.
        (coalesce(list_aggregate([sum(price_usd::decimal(38, 28)) filter (where price_usd < 1000)], 'avg'), 0)
            + coalesce(list_aggregate([sum(list_aggregate([price_usd], 'avg')::decimal(38, 18)) filter (where price_usd >= 1000)], 'avg'), 0))
            / count(*) as avg_price,
        min(observed_at) as first_observed_at,
        max(observed_at) as last_observed_at
    from samples
    group by all
)

select asset_id, day, open, high, low, last_sample.price as close, avg_price,
    last_sample.market_cap as market_cap_usd, last_sample.volume as volume_usd_24h,
    n_samples, first_observed_at, last_observed_at, source
from by_interval
-- The seconds of m1, m5, m15, m30, h1, h2, h6, h12, d1; an interval of another form counts as the coarsest. They are told once a day
-- and not once a sample, which was a quarter of the time of a large history.
qualify row_number() over (partition by asset_id, day order by
    case when source = 'snapshot' then 0
        else case interval[1] when 'm' then 60 when 'h' then 3600 when 'd' then 86400 end * try_cast(interval[2:] as integer)
    end nulls last, interval) = 1

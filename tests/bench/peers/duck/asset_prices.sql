-- Rows of silver.asset_prices out of objects (source_key, source_version, modified, body), whose names are <asset>_<interval>_<anything>.
select series.asset as asset_id, series.interval, make_timestamptz(1000 * r.time) as observed_at,
    rounded(r.priceUsd, 28)::decimal(38, 28) as price_usd,
    rounded(r.circulatingSupply, 18)::decimal(38, 18) as circulating_supply,
    source_key, source_version, source_row, modified::timestamptz as source_modified_at, ingested(source_key, modified) as ingest_date,
    original([lossy('circulatingSupply', r.circulatingSupply, 18), lossy('priceUsd', r.priceUsd, 28)]) as extra
from (
    select source_key, source_version, modified, series, unnest(points) as r, generate_subscripts(points, 1) - 1 as source_row
    from (
        select source_key, source_version, modified,
            regexp_extract(source_key, '([^/]+?)_(m1|m5|m15|m30|h1|h2|h6|h12|d1)_[^/]*$', ['asset', 'interval']) as series,
            from_json(body, '{"data": [{"priceUsd": "VARCHAR", "time": "BIGINT", "circulatingSupply": "VARCHAR"}]}').data as points
        from objects
    )
)

-- Rows of silver.asset_snapshots out of objects (source_key, source_version, modified, body).
select r.id as asset_id, make_timestamptz(1000 * stamp) as observed_at, r.rank::integer as rank, r.symbol, r.name,
    rounded(r.supply, 18)::decimal(38, 18) as supply,
    rounded(r.maxSupply, 18)::decimal(38, 18) as max_supply,
    rounded(r.marketCapUsd, 18)::decimal(38, 18) as market_cap_usd,
    rounded(r.volumeUsd24Hr, 18)::decimal(38, 18) as volume_usd_24h,
    rounded(r.priceUsd, 28)::decimal(38, 28) as price_usd,
    rounded(r.changePercent24Hr, 18)::decimal(38, 18) as change_percent_24h,
    rounded(r.vwap24Hr, 28)::decimal(38, 28) as vwap_24h,
    r.explorer,
    map_from_entries(list_transform(list_sort(map_entries(r.tokens)), lambda e: {
        'key': e.key, 'value': case json_type(e.value) when 'ARRAY' then e.value::varchar[] else [e.value ->> '$'] end
    })) as tokens,
    source_key, source_version, source_row, modified::timestamptz as source_modified_at, ingested(source_key, modified) as ingest_date,
    original([
        lossy('changePercent24Hr', r.changePercent24Hr, 18), lossy('marketCapUsd', r.marketCapUsd, 18),
        lossy('maxSupply', r.maxSupply, 18), lossy('priceUsd', r.priceUsd, 28), lossy('supply', r.supply, 18),
        lossy('volumeUsd24Hr', r.volumeUsd24Hr, 18), lossy('vwap24Hr', r.vwap24Hr, 28)
    ]) as extra
from (
    select source_key, source_version, modified, answer.timestamp as stamp,
        unnest(answer.data) as r, generate_subscripts(answer.data, 1) - 1 as source_row
    from (
        select source_key, source_version, modified, from_json(body, '{"timestamp": "BIGINT", "data": [{
            "id": "VARCHAR", "rank": "VARCHAR", "symbol": "VARCHAR", "name": "VARCHAR", "supply": "VARCHAR", "maxSupply": "VARCHAR",
            "marketCapUsd": "VARCHAR", "volumeUsd24Hr": "VARCHAR", "priceUsd": "VARCHAR", "changePercent24Hr": "VARCHAR",
            "vwap24Hr": "VARCHAR", "explorer": "VARCHAR", "tokens": "MAP(VARCHAR, JSON)"}]}') as answer
        from objects
    )
)

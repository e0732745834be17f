"""The tables, with the names and types of the project's. Both peers write them; PyIceberg makes them.

They are partitioned by year where the project's are by month: ten years are 11 files a table instead of 120, which is what
a full rebuild of tables this small wants. An increment costs the same either way.
"""

from __future__ import annotations

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, TableAlreadyExistsError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import YearTransform
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    TimestamptzType,
)

from .settings import CATALOG, REGION, Settings

SNAPSHOTS = "silver.asset_snapshots"
PRICES = "silver.asset_prices"
DAILY = "gold.daily_summary"
ROLLING = "gold.rolling_averages"
RANKINGS = "gold.rankings"
MARKET = "gold.market_summary"
GOLD = (DAILY, ROLLING, RANKINGS, MARKET)

KEYS: dict[str, list[str]] = {
    SNAPSHOTS: ["asset_id", "observed_at"],
    PRICES: ["asset_id", "interval", "observed_at"],
    DAILY: ["asset_id", "day"],
    ROLLING: ["asset_id", "day"],
    RANKINGS: ["asset_id", "day"],
    MARKET: ["day"],
}

TEXT, WHOLE, LONG, DOUBLE = StringType(), IntegerType(), LongType(), DoubleType()
TIME, DAY, PRICE, AMOUNT = TimestamptzType(), DateType(), DecimalType(38, 28), DecimalType(38, 18)

LINEAGE: dict[str, IcebergType] = {
    "source_key": TEXT,
    "source_version": TEXT,
    "source_row": LONG,
    "source_modified_at": TIME,
    "ingest_date": DAY,
    "extra": TEXT,
}

COLUMNS: dict[str, dict[str, IcebergType]] = {
    SNAPSHOTS: {
        "asset_id": TEXT, "observed_at": TIME, "rank": WHOLE, "symbol": TEXT, "name": TEXT,
        "supply": AMOUNT, "max_supply": AMOUNT, "market_cap_usd": AMOUNT, "volume_usd_24h": AMOUNT,
        "price_usd": PRICE, "change_percent_24h": AMOUNT, "vwap_24h": PRICE, "explorer": TEXT,
        "tokens": MapType(1001, TEXT, 1002, ListType(1003, TEXT, element_required=True), value_required=True),
        **LINEAGE,
    },
    PRICES: {
        "asset_id": TEXT, "interval": TEXT, "observed_at": TIME, "price_usd": PRICE, "circulating_supply": AMOUNT,
        **LINEAGE,
    },
    DAILY: {
        "asset_id": TEXT, "day": DAY, "open": PRICE, "high": PRICE, "low": PRICE, "close": PRICE, "avg_price": DOUBLE,
        "market_cap_usd": AMOUNT, "volume_usd_24h": AMOUNT, "n_samples": LONG,
        "first_observed_at": TIME, "last_observed_at": TIME, "source": TEXT,
    },
    ROLLING: {
        "asset_id": TEXT, "day": DAY, "sma_7": DOUBLE, "sma_30": DOUBLE, "sma_90": DOUBLE,
        "n_obs_7": LONG, "n_obs_30": LONG, "n_obs_90": LONG,
        "return_1d": DOUBLE, "return_7d": DOUBLE, "return_30d": DOUBLE, "volatility_30d": DOUBLE, "drawdown": DOUBLE,
    },
    RANKINGS: {
        "asset_id": TEXT, "day": DAY, "rank": LONG, "rank_change_1d": LONG, "rank_change_7d": LONG,
        "market_cap_usd": AMOUNT, "dominance_pct": DOUBLE, "cumulative_pct": DOUBLE,
    },
    MARKET: {
        "day": DAY, "n_assets": LONG, "total_market_cap_usd": AMOUNT, "total_volume_usd": AMOUNT, "hhi": DOUBLE,
        "advancers": LONG, "decliners": LONG, "top_gainer": TEXT, "top_loser": TEXT,
    },
}  # fmt: skip

PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    # Spark would shuffle before each write to have one writer a partition; a writer of so few can do all of them.
    "write.distribution-mode": "none",
    "write.spark.fanout.enabled": "true",
}


def open_catalog(settings: Settings) -> SqlCatalog:
    """The catalog in its SQLite file, which is made when it is not there."""
    return SqlCatalog(
        CATALOG,
        **{
            "uri": f"sqlite:///{settings.catalog}",
            "warehouse": settings.warehouse,
            "s3.endpoint": settings.endpoint,
            "s3.region": REGION,
            "s3.access-key-id": settings.access_key,
            "s3.secret-access-key": settings.secret_key,
        },
    )


def schema_of(name: str) -> Schema:
    """The Iceberg schema; key columns are required."""
    return Schema(
        *(
            NestedField(i, column, kind, required=column in KEYS[name])
            for i, (column, kind) in enumerate(COLUMNS[name].items(), 1)
        )
    )


def make(catalog: SqlCatalog, settings: Settings, *, by_year: bool = True) -> None:
    """Makes the tables that are not there, partitioned by year or not at all."""
    for namespace in ("silver", "gold"):
        try:
            catalog.create_namespace(namespace)
        except NamespaceAlreadyExistsError:
            pass
    for name in COLUMNS:
        schema = schema_of(name)
        column = "observed_at" if name.startswith("silver.") else "day"
        year = PartitionField(schema.find_field(column).field_id, 1000, YearTransform(), f"{column}_year")
        spec = PartitionSpec(year) if by_year else PartitionSpec()
        location = f"{settings.warehouse}/{name.replace('.', '/')}"
        try:
            catalog.create_table(name, schema, location=location, partition_spec=spec, properties=PROPERTIES)
        except TableAlreadyExistsError:
            pass

"""Bronze objects to silver rows."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from .. import tables
from ..bronze import SERIES

TEXT = T.StringType()
ASSET = T.StructType(
    [
        *(
            T.StructField(name, TEXT)
            for name in (
                "id", "rank", "symbol", "name", "supply", "maxSupply", "marketCapUsd", "volumeUsd24Hr", "priceUsd",
                "changePercent24Hr", "vwap24Hr", "explorer",
            )
        ),
        T.StructField("tokens", T.MapType(TEXT, T.ArrayType(TEXT))),
    ]
)  # fmt: skip
POINT = T.StructType(
    [T.StructField("priceUsd", TEXT), T.StructField("time", T.LongType()), T.StructField("circulatingSupply", TEXT)]
)


def envelope(row: T.StructType) -> T.StructType:
    """The schema of a response."""
    return T.StructType([T.StructField("timestamp", T.LongType()), T.StructField("data", T.ArrayType(row))])


def price(name: str) -> Column:
    """decimal(38,28); its text must have no more decimals."""
    return F.col(f"row.{name}").cast("decimal(38,28)")


def wide(name: str) -> Column:
    """Every decimal of an amount that is below 10^8; null for a greater one."""
    return F.col(f"row.{name}").cast("decimal(38,30)")


def amount(name: str) -> Column:
    """decimal(38,18), half even. Spark's cast rounds half up, so what has more decimals is cast to all of them first."""
    return F.coalesce(F.bround(wide(name), 18), F.col(f"row.{name}")).cast("decimal(38,18)")


def extra(*names: str) -> Column:
    """The text of the amounts that had to be rounded, as JSON; to_json leaves out what is null."""
    rounded = [F.when(wide(n) != F.bround(wide(n), 18), F.col(f"row.{n}")).alias(n) for n in sorted(names)]
    return F.when(F.coalesce(*rounded).isNotNull(), F.to_json(F.struct(*rounded)))


LINEAGE = ("source_key", "source_version", "source_row", "source_modified_at", "ingest_date")


def documents(fetched: DataFrame, schema: T.StructType) -> DataFrame:
    """The responses, parsed."""
    return fetched.withColumn("document", F.from_json("body", schema)).select("document.*", *fetched.columns[1:])


def exploded(documents: DataFrame) -> DataFrame:
    """A row for each member of `data`, with its place there."""
    return documents.select("*", F.posexplode("data").alias("source_row", "row")).withColumn(
        "source_row", F.col("source_row").cast("long")
    )


def snapshots(documents: DataFrame) -> DataFrame:
    """silver.asset_snapshots of documents with lineage."""
    return exploded(documents).select(
        F.col("row.id").alias("asset_id"),
        F.timestamp_millis("timestamp").alias("observed_at"),
        F.col("row.rank").cast("int").alias("rank"),
        "row.symbol",
        "row.name",
        amount("supply").alias("supply"),
        amount("maxSupply").alias("max_supply"),
        amount("marketCapUsd").alias("market_cap_usd"),
        amount("volumeUsd24Hr").alias("volume_usd_24h"),
        price("priceUsd").alias("price_usd"),
        amount("changePercent24Hr").alias("change_percent_24h"),
        price("vwap24Hr").alias("vwap_24h"),
        "row.explorer",
        "row.tokens",
        *LINEAGE,
        extra("supply", "maxSupply", "marketCapUsd", "volumeUsd24Hr", "changePercent24Hr").alias("extra"),
    )


def points(documents: DataFrame) -> DataFrame:
    """silver.asset_prices of documents with lineage."""
    part = lambda i: F.regexp_extract("source_key", SERIES.pattern, i)  # noqa: E731
    return exploded(documents).select(
        part(1).alias("asset_id"),
        part(2).alias("interval"),
        F.timestamp_millis("row.time").alias("observed_at"),
        price("priceUsd").alias("price_usd"),
        amount("circulatingSupply").alias("circulating_supply"),
        *LINEAGE,
        extra("circulatingSupply").alias("extra"),
    )


def winners(rows: DataFrame, name: str) -> DataFrame:
    """Of the rows with one key, the greatest (modified, key, version, row)."""
    order = [F.desc(c) for c in ("source_modified_at", "source_key", "source_version", "source_row")]
    window = Window.partitionBy(*tables.KEYS[name]).orderBy(*order)
    return rows.withColumn("_n", F.row_number().over(window)).where("_n = 1").drop("_n")

"""Bronze to silver to gold."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from .. import bronze, tables
from ..bronze import Version
from ..settings import Settings
from . import fetch, gold, silver
from .session import start
from .stream import watch

DAY = dt.timedelta(days=1)
YEAR = 364 * DAY  # what a rolling row looks back, and how far a changed day is seen ahead

DATASETS = (
    (tables.SNAPSHOTS, bronze.ASSETS, silver.envelope(silver.ASSET), silver.snapshots),
    (tables.PRICES, bronze.HISTORY, silver.envelope(silver.POINT), silver.points),
)


class Pipeline:
    """The peer; see serve.Peer."""

    def __init__(self, settings: Settings) -> None:
        """Starts the JVM, and makes the tables meanwhile that are not there."""
        self.settings = settings
        with ThreadPoolExecutor(1) as beside:
            made = beside.submit(lambda: tables.make(tables.open_catalog(settings), settings))
            self.listing, self.bodies = bronze.Listing(settings), bronze.Bodies(settings)
            self.spark = start(settings)
            made.result()
        self.threads = ThreadPoolExecutor(len(tables.GOLD))

    def rebuild(self) -> float:
        """Everything, from one listing."""

        def write(dataset: tuple[str, str, T.StructType, Callable[[DataFrame], DataFrame]]) -> DataFrame:
            name, prefix, schema, decode = dataset
            fetched = fetch.everywhere(self.spark, self.settings, self.listing.versions(prefix))
            documents = silver.documents(fetched, schema)
            rows = computed(silver.winners(decode(documents), name))
            self.replace(name, rows)
            return rows

        snapshots, prices = self.threads.map(write, DATASETS)
        committed = time.time()
        summary = computed(gold.daily(snapshots, prices))
        self.write_gold(summary, {}, None)
        self.spark.catalog.clearCache()
        return committed

    def replace(self, name: str, rows: DataFrame, where: Column | None = None) -> None:
        """Puts rows in the place of those that the condition names, or of all."""
        rows.select(*tables.COLUMNS[name]).writeTo(name).overwrite(F.lit(True) if where is None else where)

    def merge_into(self, name: str, rows: DataFrame, prune: str, matched: str = "") -> None:
        """MERGE INTO, for what an overwrite of whole files cannot do."""
        view = f"fresh_{name.replace('.', '_')}"
        rows.select(*tables.COLUMNS[name]).createOrReplaceTempView(view)
        same = " and ".join(f"old.{k} = new.{k}" for k in tables.KEYS[name])
        rows.sparkSession.sql(
            f"merge into {name} old using {view} new on {same} and {prune} "
            f"when matched {matched} then update set * when not matched then insert *"
        )

    def increment(self, keys: list[str]) -> float:
        """Some new objects: their rows into silver, then gold of the days that they change."""
        versions = self.listing.named(keys)
        first, last = dt.date.max, dt.date.min
        for name, prefix, schema, decode in DATASETS:
            some = [v for v in versions if v.key.startswith(prefix)]
            if some:
                low, high = self.promote(name, some, schema, decode)
                first, last = min(first, low), max(last, high)
        committed = time.time()
        if first <= last:
            self.gold(first, last)
        return committed

    def promote(
        self, name: str, versions: list[Version], schema: T.StructType, decode: Callable[[DataFrame], DataFrame]
    ) -> tuple[dt.date, dt.date]:
        """Rows of a few objects into a silver table. The driver fetches them: sooner than a file scan is planned."""
        fetched = fetch.here(self.spark, self.bodies, versions)
        rows = silver.winners(decode(silver.documents(fetched, schema)), name).cache()
        low, high = rows.agg(F.min("observed_at"), F.max("observed_at")).first()
        there = f"old.observed_at between timestamp'{low}' and timestamp'{high}'"
        if self.spark.table(name).alias("old").where(there).isEmpty():
            rows.select(*tables.COLUMNS[name]).writeTo(name).append()
        else:
            lineage = "struct({0}.source_modified_at, {0}.source_key, {0}.source_version, {0}.source_row)"
            self.merge_into(name, rows, there, f"and {lineage.format('new')} > {lineage.format('old')}")
        rows.unpersist()
        return low.date(), high.date()

    def gold(self, first: dt.date, last: dt.date) -> None:
        """All four tables, for the days from first to last and what looks back on them."""
        inside = F.col("observed_at").between(
            F.lit(f"{first} 00:00:00").cast("timestamp"), F.lit(f"{last} 23:59:59.999999").cast("timestamp")
        )
        snapshots, prices = (self.spark.table(name).where(inside) for name, *_ in DATASETS)
        known = self.spark.table(tables.DAILY).where(
            F.col("day").between(first - YEAR, last + YEAR) & ~F.col("day").between(first, last)
        )
        summary = computed(known.unionByName(gold.daily(snapshots, prices)).coalesce(1))
        newest = summary.agg(F.max("day")).first()[0] or last
        self.write_gold(summary, {tables.DAILY: (first, last)}, (first, max(last, min(newest, last + YEAR))))

    def write_gold(
        self, summary: DataFrame, changed: dict[str, tuple[dt.date, dt.date]], span: tuple[dt.date, dt.date] | None
    ) -> None:
        """Computes and writes the four tables, side by side: for the days of span, or all. Of daily_summary only `changed`."""
        # One after the other: jobs that need the same uncached rows at once would each compute them.
        averages, ranked = computed(gold.rolling(summary)), computed(gold.rankings(summary))
        made = {
            tables.DAILY: summary,
            tables.ROLLING: averages,
            tables.RANKINGS: ranked,
            tables.MARKET: gold.market(summary, averages, ranked),
        }

        def write(name: str) -> None:
            written = changed.get(name, span)
            if written is None:
                self.replace(name, made[name])
            else:
                self.replace_days(name, made[name].where(F.col("day").between(*written)), *written)

        list(self.threads.map(write, tables.GOLD))
        for frame in (summary, averages, ranked):
            frame.unpersist()

    def replace_days(self, name: str, rows: DataFrame, first: dt.date, last: dt.date) -> None:
        """Whole days at once where files hold no others; else, for a day of long ago, a MERGE."""
        days = F.col("day").between(first, last)
        try:
            self.replace(name, rows, days)
        except Exception as refused:
            if "some, but not all, rows match" not in str(refused):
                raise
            self.merge_into(name, rows, f"old.day between date'{first}' and date'{last}'")

    def missing(self) -> list[str]:
        """Objects that no row of silver came from."""
        known: set[str] = set()
        for name, *_ in DATASETS:
            known.update(row[0] for row in self.spark.table(name).select("source_key").distinct().collect())
        return [v.key for v in self.listing.versions("bronze/coincap/") if v.key not in known]

    def watch(self, day: str, increment: Callable[[list[str]], None], ready: Callable[[], None], stop: Event) -> None:
        """Structured Streaming over the day's folder."""
        watch(self.spark, self.settings, f"{bronze.ASSETS}ingest_date={day}/", increment)(ready, stop)


def computed(rows: DataFrame) -> DataFrame:
    """The rows, in memory from now on."""
    rows = rows.cache()
    rows.count()
    return rows

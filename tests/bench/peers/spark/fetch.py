"""Objects as rows: body and lineage.

Not by Spark's file source: it lists each of 3,650 day folders by itself (a job of 3,650 tasks), asks for each file once more
before it reads it, and knows no versions. A listing and a few threads are all that is needed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from ..bronze import Bodies, Version
from ..settings import Settings

LINEAGE = "source_key string, source_version string, source_modified_at timestamp, ingest_date date"


def lineage(versions: Iterable[Version]) -> list[tuple[str, str, dt.datetime, dt.date]]:
    """The versions as rows."""
    return [(v.key, v.version, v.modified, v.ingest_date) for v in versions]


def here(spark: SparkSession, bodies: Bodies, versions: list[Version]) -> DataFrame:
    """A few objects, read by the driver: sooner than a job is planned."""
    texts = [body.decode() for body in bodies.get((v.key, v.version) for v in versions)]
    rows = [(text, *row) for text, row in zip(texts, lineage(versions), strict=True)]
    return spark.createDataFrame(rows, f"body string, {LINEAGE}").coalesce(1)


def everywhere(spark: SparkSession, settings: Settings, versions: list[Version]) -> DataFrame:
    """Many objects, read by the tasks."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        bodies = Bodies(settings)
        for batch in batches:
            keys = zip(batch["source_key"].to_pylist(), batch["source_version"].to_pylist(), strict=True)
            texts = pa.array([body.decode() for body in bodies.get(keys)], pa.string())
            yield pa.RecordBatch.from_arrays([texts, *batch.columns], names=["body", *batch.schema.names])

    rows = spark.createDataFrame(lineage(versions), LINEAGE)  # in as many tasks as there are cores
    return rows.mapInArrow(read, f"body string, {LINEAGE}")

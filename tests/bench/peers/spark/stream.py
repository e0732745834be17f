"""Structured Streaming: a file source tells which objects are new, and each micro-batch is an increment."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from pyspark.sql import DataFrame, SparkSession

from ..settings import Settings


def watch(
    spark: SparkSession,
    folder: str,
    settings: Settings,
    increment: Callable[[list[str]], None],
    ready: Callable[[], None],
    stop: Event,
) -> None:
    """Watches one folder until stop. Its first batch is what is there already, and known.

    binaryFile gives paths without reading the files, and the source looks again as soon as a batch is done.
    """
    root = f"s3a://{settings.bucket}/"
    first = True

    def batch(new: DataFrame, _: int) -> None:
        nonlocal first
        keys = [row.path.removeprefix(root) for row in new.select("path").collect()]
        if first:
            first = False
        else:
            increment(keys)

    source = spark.readStream.format("binaryFile").load(folder)
    checkpoint = f"{settings.catalog}.checkpoint-{time.time_ns()}"
    query = source.writeStream.foreachBatch(batch).option("checkpointLocation", checkpoint).start()
    while first and query.isActive:
        time.sleep(0.01)
    ready()
    while query.isActive and not stop.wait(0.05):
        pass
    if query.exception():
        raise query.exception()
    query.stop()

"""Structured Streaming: a file source tells which objects are new, and each micro-batch is an increment."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from pyspark.sql import DataFrame, SparkSession

from ..settings import Settings

BINARY_FILE = "path string, modificationTime timestamp, length bigint, content binary"  # the only one that it takes
Keys = Callable[[list[str]], None]


def watch(spark: SparkSession, settings: Settings, folder: str, increment: Keys) -> Callable[[Callable[[], None], Event], None]:
    """Prepares to watch one folder; what it returns watches until the event, and tells when it has begun.

    binaryFile gives paths without reading the files. There is no trigger: as soon as a batch is done, the source looks again.
    The first batch is what is there already, and known.
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

    source = spark.readStream.format("binaryFile").schema(BINARY_FILE).load(root + folder)
    checkpoint = f"{settings.catalog}.checkpoint-{time.time_ns()}"
    stream = source.writeStream.foreachBatch(batch).option("checkpointLocation", checkpoint)

    def until(ready: Callable[[], None], stop: Event) -> None:
        query = stream.start()
        while first and query.isActive:
            time.sleep(0.01)
        ready()
        while query.isActive and not stop.wait(0.05):
            pass
        if query.exception():
            raise query.exception()
        query.stop()

    return until

"""Objects into rows, on Spark's workers.

A worker runs `reactor extract`: an object becomes the rows, the refused rows with their reasons and the dead letter that it
becomes in the reactor, whatever its format, because it is the same program.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyspark import SparkFiles
from pyspark.sql.pandas.types import to_arrow_schema

from .reactor import Table

ROW, REJECTED, OUTCOME = 0, 1, 2
# What a worker's process needs of the driver's environment.
ENVIRONMENT = tuple(
    f"MILLRACE_{name}"
    for name in (
        *("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_CA_FILE", "CA_FILE", "BUCKET", "DATASETS"),
        *("MAX_OBJECT_SIZE", "MAX_UNPACKED_SIZE", "MAX_ROWS", "HOME"),
    )
)
# A task should read some megabytes, and not fewer objects than its process takes to start.
TASK_BYTES, TASK_OBJECTS = 64 << 20, 500
SAID = 4000


def schema(table: Table) -> str:
    """The stream's columns, for Spark."""
    own = ["_kind int", *(f"{name} string" for name in ("_event", "_field", "_reason", "_raw", "_class"))]
    return ", ".join([*own, *(f"`{name}` {kind}" for name, kind in table.columns.items())])


def tasks(objects: list[dict[str, Any]], cores: int) -> int:
    """How many tasks the objects are for."""
    by_size = sum(o["size"] for o in objects) // TASK_BYTES + 1
    return max(1, min(len(objects), max(by_size, cores, len(objects) // TASK_OBJECTS)))


def dealt(objects: list[Any], n: int) -> list[Any]:
    """The objects, largest first, dealt out to n tasks one after the other, in the order of the tasks."""
    return [o for task in range(n) for o in objects[task::n]]


def worker(name: str, dataset: str, schema: pa.Schema) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """A function for mapInArrow that turns lines of objects into rows of a schema.

    The name is the program's among the files that Spark ships.
    """

    def extract(batches: Iterable[Any]) -> Iterator[Any]:
        lines = [line for batch in batches for line in batch.column(0).to_pylist()]
        if not lines:
            return
        with tempfile.TemporaryFile() as said:
            child = subprocess.Popen(
                [SparkFiles.get(name), "extract", "--dataset", dataset],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
            )

            def feed() -> None:
                try:
                    with child.stdin as out:
                        out.write("".join(line + "\n" for line in lines).encode())
                except BrokenPipeError:
                    pass  # it ended, and says why

            feeding = threading.Thread(target=feed)
            feeding.start()
            broken = None
            try:
                for batch in pa.ipc.open_stream(child.stdout):
                    yield batch.cast(schema)  # Spark takes values inside of maps and lists for nullable, and no others
            except pa.ArrowInvalid as why:
                broken = why
            finally:
                if broken is None and child.poll() is None:
                    child.stdout.close()
                code = child.wait()
                feeding.join()
            if code or broken:
                said.seek(max(0, said.seek(0, os.SEEK_END) - SAID))
                raise RuntimeError(f"reactor extract ended with {code} ({broken}): {said.read().decode(errors='replace')}")

    return extract


def rows(spark: Any, objects: list[dict[str, Any]], table: Table, program: str) -> Any:
    """The frame of everything that the objects become: rows, refused rows and outcomes."""
    n = tasks(objects, spark.sparkContext.defaultParallelism)
    largest = sorted(objects, key=lambda o: o["size"], reverse=True)
    lines = [(json.dumps({k: v for k, v in o.items() if k not in ("run", "step")}),) for o in dealt(largest, n)]
    frame = spark.createDataFrame(spark.sparkContext.parallelize(lines, n), "line string")
    made = spark.createDataFrame([], schema(table)).schema  # StructType.fromDDL came with Spark 4
    return frame.mapInArrow(worker(program, table.dataset, to_arrow_schema(made)), made)

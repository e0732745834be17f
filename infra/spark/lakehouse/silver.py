"""The rows of all objects, of which the newest wins; and the refused rows."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as f

from . import extract
from .reactor import Table

LINEAGE = ("source_key", "source_version", "source_row", "source_modified_at", "ingest_date")


def winners(rows: Any, table: Table, *more: str) -> Any:
    """Of the rows with one key the first in the table's order, whole; among equals the greatest by the columns of more."""
    terms = (*table.order, *((column, True) for column in more))
    order = (f.col(c).desc_nulls_last() if descending else f.col(c).asc_nulls_last() for c, descending in terms)
    first = Window.partitionBy(*table.key).orderBy(*order)
    return rows.withColumn("_place", f.row_number().over(first)).where("_place = 1").select(*table.columns)


def rows(extracted: Any, table: Table) -> Any:
    """The good rows of what objects became."""
    return extracted.where(f.col("_kind") == extract.ROW).select(*table.columns)


def rejected(extracted: Any, dataset: str, table: Table) -> Any:
    """The refused rows of what objects became, as rows of the table of refused rows."""
    own = {"dataset": f.lit(dataset), "field": f.col("_field"), "reason": f.col("_reason"), "raw": f.col("_raw")}
    return extracted.where(f.col("_kind") == extract.REJECTED).select(*(own.get(c, f.col(c)).alias(c) for c in table.columns))


def outcomes(extracted: Any) -> dict[str, tuple[str | None, str | None]]:
    """By event: why the object cannot be read and the class of that; none for one that was read."""
    found = extracted.where(f.col("_kind") == extract.OUTCOME).select("_event", "_reason", "_class").collect()
    return {event: (reason, kind) for event, reason, kind in found}


def months(frame: Any, column: str) -> list[Any]:
    """The first days of the months that there are rows of."""
    return [row[0] for row in frame.select(f.trunc(f.col(column).cast("date"), "month")).distinct().collect()]


def of_months(frame: Any, column: str, some: list[Any]) -> Any:
    """The rows of some months."""
    return frame.where(f.trunc(f.col(column).cast("date"), "month").isin(some))


def others(existing: Any, objects: Any) -> Any:
    """The rows of other object versions than these."""
    return existing.join(objects, ["source_key", "source_version"], "left_anti")

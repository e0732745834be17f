"""Polars, which opens tables by PyIceberg."""

from __future__ import annotations

from typing import Any

import polars as pl

from . import iceberg, values


class Engine(iceberg.Engine):
    """Reads and appends are Polars' own; the rest is PyIceberg's, and not called."""

    def read(self, table: str, snapshot: int | None = None, tag: str | None = None, at: str | None = None) -> Any:
        """Reads a table as it is, or as it was."""
        found = self.catalog.load_table(table)
        if snapshot is None and (tag or at):
            snapshot = self.scan(table, None, tag, at).snapshot().snapshot_id
        return values.arrow(pl.scan_iceberg(found, snapshot_id=snapshot).collect().to_arrow())

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Appends a row."""
        pl.from_arrow(self.row(table, row)).write_iceberg(self.catalog.load_table(table), mode="append")

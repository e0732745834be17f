"""Daft, which opens tables by PyIceberg."""

from __future__ import annotations

from typing import Any

import daft

from . import iceberg, values


class Engine:
    """Calls on the catalog that a block has made."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.iceberg = iceberg.Engine(names)

    def read(self, table: str, snapshot: int | None = None, tag: str | None = None, at: str | None = None) -> Any:
        """Reads a table as it is, or as it was."""
        found, snapshot = self.iceberg.state(table, snapshot, tag, at)
        return values.arrow(daft.read_iceberg(found, snapshot_id=snapshot).to_arrow())

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Appends a row."""
        daft.from_arrow(self.iceberg.row(table, row)).write_iceberg(self.iceberg.catalog.load_table(table), mode="append")

"""PyIceberg, by its own API."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pyarrow as pa

from . import values


def parse(text: Any, kind: pa.DataType) -> Any:
    """Gives the value of a text for a column of a type."""
    if text is None:
        return None
    if pa.types.is_decimal(kind):
        return decimal.Decimal(text)
    if pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(text)
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return float(text)
    return text


class Engine:
    """Calls on the catalog that a block has made."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.catalog = names["catalog"]

    def state(self, table: str, snapshot: int | None, tag: str | None, at: str | None) -> tuple[Any, int | None]:
        """Opens a table, and finds the number of the snapshot that is meant, None for the current one."""
        found = self.catalog.load_table(table)
        if tag is not None:
            snapshot = found.snapshot_by_name(tag).snapshot_id
        elif at is not None:
            snapshot = found.snapshot_as_of_timestamp(values.milliseconds(at)).snapshot_id
        return found, snapshot

    def read(self, table: str, snapshot: int | None = None, tag: str | None = None, at: str | None = None, where: str = "true") -> Any:
        """Reads a table, or some rows of it, as it is, or as it was."""
        found, snapshot = self.state(table, snapshot, tag, at)
        return values.arrow(found.scan(snapshot_id=snapshot, row_filter=where).to_arrow())

    def planned(self, table: str, where: str) -> list[str]:
        """Plans a read of some rows, and gives the partitions of the files that it opens."""
        found = self.catalog.load_table(table)
        specs = found.specs()
        tasks = found.scan(row_filter=where).plan_files()
        return sorted(f"{specs[t.file.spec_id].fields[0].name} {t.file.partition[0]}" for t in tasks)

    def row(self, table: str, row: dict[str, Any]) -> pa.Table:
        """Gives a row as an Arrow table of the table's columns; what the row does not name is null."""
        schema = self.catalog.load_table(table).schema().as_arrow()
        return pa.table([pa.array([parse(row.get(f.name), f.type)], f.type) for f in schema], schema=schema)

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Appends a row."""
        self.catalog.load_table(table).append(self.row(table, row))

    def merge(self, table: str, row: dict[str, Any], key: list[str]) -> None:
        """Inserts a row, or replaces the one that has its key."""
        self.catalog.load_table(table).upsert(self.row(table, row), join_cols=key)

    def delete(self, table: str, column: str, value: str) -> None:
        """Deletes the rows that have a value in a column."""
        self.catalog.load_table(table).delete(f"{column} = '{value}'")

    def add_column(self, table: str, column: str) -> None:
        """Adds a column of text."""
        from pyiceberg.types import StringType

        with self.catalog.load_table(table).update_schema() as update:
            update.add_column(column, StringType())

    def branch(self, table: str, name: str) -> None:
        """Makes a branch at the current snapshot."""
        found = self.catalog.load_table(table)
        found.manage_snapshots().create_branch(found.current_snapshot().snapshot_id, name).commit()

    def append_to_branch(self, table: str, name: str, row: dict[str, Any]) -> int:
        """Appends a row to a branch and gives the number of the branch's rows."""
        found = self.catalog.load_table(table)
        found.append(self.row(table, row), branch=name)
        return found.refresh().scan().use_ref(name).to_arrow().num_rows

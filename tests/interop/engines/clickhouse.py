"""ClickHouse in the process, by its SQL."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from . import values


class Engine:
    """Calls on the database that a block has made."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.session = names["clickhouse"]

    def read(self, table: str, snapshot: int | None = None, at: str | None = None) -> Any:
        """Reads a table as it is, or as it was."""
        when = ""
        if snapshot is not None:
            when = f" settings iceberg_snapshot_id = {snapshot}"
        elif at is not None:
            when = f" settings iceberg_timestamp_ms = {values.milliseconds(at)}"
        data = self.session.query(f"select * from lakehouse.`{table}`{when}", "ArrowStream").bytes()
        return values.arrow(pa.ipc.open_stream(data).read_all())

    def row(self, table: str, row: dict[str, Any]) -> str:
        """Gives a row as a query of the table's columns and types; what the row does not name is null."""
        described = self.session.query(f"describe table lakehouse.`{table}`", "ArrowStream").bytes()
        columns = []
        for column in pa.ipc.open_stream(described).read_all().to_pylist():
            value = row.get(column["name"])
            text = "null" if value is None else "'" + str(value).replace("'", "''").removesuffix("Z") + "'"
            columns.append(f"cast({text} as {column['type']})" if value is not None or column["type"].startswith("Nullable") else "map()")
        return "select " + ", ".join(columns)

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Inserts a row."""
        self.session.query(f"insert into lakehouse.`{table}` {self.row(table, row)} settings allow_experimental_insert_into_iceberg = 1")

    def delete(self, table: str, column: str, value: str) -> None:
        """Deletes the rows that have a value in a column."""
        self.session.query(f"alter table lakehouse.`{table}` delete where {column} = '{value}' settings allow_experimental_insert_into_iceberg = 1")

    def add_column(self, table: str, column: str) -> None:
        """Adds a column of text."""
        self.session.query(
            f"alter table lakehouse.`{table}` add column {column} Nullable(String) settings allow_experimental_insert_into_iceberg = 1"
        )

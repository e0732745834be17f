"""DuckDB, by its SQL."""

from __future__ import annotations

from typing import Any

from . import values


class Engine:
    """Calls on the catalog that a block has attached."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.duckdb = names["duckdb"]

    def sql(self, text: str) -> Any:
        """Runs a statement and gives its rows."""
        found = self.duckdb.execute(text)
        return values.table([c[0] for c in found.description], found.fetchall())

    def read(self, table: str, snapshot: int | None = None, tag: str | None = None, at: str | None = None) -> Any:
        """Reads a table as it is, or as it was."""
        when = ""
        if snapshot is not None:
            when = f" at (version => {snapshot})"
        elif tag is not None:
            when = f" at (version => '{tag}')"
        elif at is not None:
            when = f" at (timestamp => timestamp '{at}')"
        return self.sql(f"from lakehouse.{table}{when}")

    def row(self, table: str, row: dict[str, Any]) -> str:
        """Gives a row as a query of the table's columns and types; what the row does not name is null."""
        columns = []
        for name, kind in self.duckdb.execute(f"select column_name, column_type from (describe from lakehouse.{table})").fetchall():
            value = row.get(name)
            text = "null" if value is None else "'" + str(value).replace("'", "''") + "'"
            columns.append(f'cast({text} as {kind}) as "{name}"')
        return "select " + ", ".join(columns)

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Inserts a row."""
        self.duckdb.execute(f"insert into lakehouse.{table} {self.row(table, row)}")

    def merge(self, table: str, row: dict[str, Any], key: list[str]) -> None:
        """Inserts a row, or replaces the one that has its key."""
        on = " and ".join(f"t.{k} = s.{k}" for k in key)
        rest = ", ".join(f"{k} = s.{k}" for k in row if k not in key)
        self.duckdb.execute(
            f"merge into lakehouse.{table} t using ({self.row(table, row)}) s on {on} "
            f"when matched then update set {rest} when not matched then insert"
        )

    def delete(self, table: str, column: str, value: str) -> None:
        """Deletes the rows that have a value in a column."""
        self.duckdb.execute(f"delete from lakehouse.{table} where {column} = '{value}'")

    def add_column(self, table: str, column: str) -> None:
        """Adds a column of text."""
        self.duckdb.execute(f"alter table lakehouse.{table} add column {column} varchar")

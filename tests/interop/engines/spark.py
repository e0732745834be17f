"""Spark, by its SQL."""

from __future__ import annotations

from typing import Any

from . import values


class Engine:
    """Calls on the session that a block has made."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.spark = names["spark"]

    def sql(self, text: str) -> Any:
        """Runs a statement and gives its rows."""
        found = self.spark.sql(text)
        return values.table(found.columns, found.collect())

    def read(self, table: str, snapshot: int | None = None, tag: str | None = None, at: str | None = None) -> Any:
        """Reads a table as it is, or as it was."""
        when = ""
        if snapshot is not None:
            when = f" version as of {snapshot}"
        elif tag is not None:
            when = f" version as of '{tag}'"
        elif at is not None:
            when = f" timestamp as of '{at}'"
        return self.sql(f"select * from lakehouse.{table}{when}")

    def values(self, table: str, row: dict[str, Any]) -> dict[str, str]:
        """Gives the literals of a row, by the table's columns and types; what the row does not name is null."""
        literals = {}
        for field in self.spark.table(f"lakehouse.{table}").schema.fields:
            value = row.get(field.name)
            text = "null" if value is None else "'" + str(value).replace("'", "''") + "'"
            literals[field.name] = f"cast({text} as {field.dataType.simpleString()})"
        return literals

    def row(self, table: str, row: dict[str, Any]) -> str:
        """Gives a row as a query."""
        return "select " + ", ".join(f"{literal} as {name}" for name, literal in self.values(table, row).items())

    def append(self, table: str, row: dict[str, Any]) -> None:
        """Inserts a row."""
        self.sql(f"insert into lakehouse.{table} {self.row(table, row)}")

    def merge(self, table: str, row: dict[str, Any], key: list[str]) -> None:
        """Inserts a row, or replaces the one that has its key.

        The key's values are named: else each row that arrives meanwhile might be one that the statement should have seen, and it fails.
        """
        literals = self.values(table, row)
        on = " and ".join(f"t.{k} = s.{k} and t.{k} = {literals[k]}" for k in key)
        self.sql(
            f"merge into lakehouse.{table} t using ({self.row(table, row)}) s on {on} when matched then update set * when not matched then insert *"
        )

    def delete(self, table: str, column: str, value: str) -> None:
        """Deletes the rows that have a value in a column."""
        self.sql(f"delete from lakehouse.{table} where {column} = '{value}'")

    def add_column(self, table: str, column: str) -> None:
        """Adds a column of text."""
        self.sql(f"alter table lakehouse.{table} add column {column} string")

    def branch(self, table: str, name: str) -> None:
        """Makes a branch at the current snapshot."""
        self.sql(f"alter table lakehouse.{table} create branch `{name}`")

    def append_to_branch(self, table: str, name: str, row: dict[str, Any]) -> int:
        """Inserts a row into a branch and gives the number of the branch's rows."""
        self.sql(f"insert into lakehouse.{table}.branch_{name} {self.row(table, row)}")
        return self.spark.sql(f"select * from lakehouse.{table} version as of '{name}'").count()

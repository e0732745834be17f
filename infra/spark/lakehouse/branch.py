"""Writes tables onto the branch, through the REST catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import functions as f

CATALOG = "lakehouse"


@dataclass(frozen=True)
class Branch:
    """A branch of all tables, for one run."""

    spark: Any
    name: str
    run: str
    step: int

    def identifier(self, table: str) -> str:
        """The table's name on the branch."""
        return f"{CATALOG}.{table}.`branch_{self.name}`"

    def begin(self, table: str) -> None:
        """Makes the branch in a table that had no snapshot when the others got theirs."""
        self.spark.sql(f"alter table {CATALOG}.{table} create branch if not exists `{self.name}`")

    def head(self, table: str) -> int | None:
        """The branch's snapshot of a table."""
        found = self.spark.sql(f"select snapshot_id from {CATALOG}.{table}.refs where name = '{self.name}'").collect()
        return found[0][0] if found else None

    def written(self, table: str) -> bool:
        """Tells whether this run has written the table, maybe before it was stopped."""
        head = self.head(table)
        if head is None:
            return False
        found = self.spark.sql(
            f"select summary['millrace.run'] from {CATALOG}.{table}.snapshots where snapshot_id = {head}"
        ).collect()
        return bool(found) and found[0][0] == self.run

    def read(self, table: str) -> Any:
        """The table's rows on the branch. A table that had none, and that this run does not write, is not on it."""
        if self.head(table) is None:
            return self.spark.table(f"{CATALOG}.{table}").limit(0)
        return self.spark.table(self.identifier(table))

    def write(self, table: str, rows: Any, months: bool, silver: dict[str, int] | None = None) -> int:
        """Replaces the table's rows, or only those of the months that there are rows of; gives how many rows the table has.

        silver has the snapshots that a table of gold was computed from.
        """
        properties = {"millrace.made-by": "spark", "millrace.run": self.run}
        if silver is not None:
            properties |= {"millrace.step": str(self.step)} | {
                f"millrace.{name}": str(snapshot) for name, snapshot in silver.items()
            }
        writer = rows.writeTo(self.identifier(table))
        for name, value in properties.items():
            writer = writer.option(f"snapshot-property.{name}", value)
        if months:
            writer.overwritePartitions()
        else:
            writer.overwrite(f.lit(True))
        head = self.head(table)
        total = self.spark.sql(
            f"select summary['total-records'] from {CATALOG}.{table}.snapshots where snapshot_id = {head}"
        ).collect()
        return int(total[0][0])

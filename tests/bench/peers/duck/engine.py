"""DuckDB in memory: objects become silver by this folder's SQL, and silver becomes gold by the project's own models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

if TYPE_CHECKING:
    from .s3 import Fetched

SNAPSHOTS, PRICES = "silver.asset_snapshots", "silver.asset_prices"
DAILY = "gold.daily_summary"
KEYS = {SNAPSHOTS: "asset_id, observed_at", PRICES: "asset_id, interval, observed_at"}
GOLD = (DAILY, "gold.rolling_averages", "gold.rankings", "gold.market_summary")  # each after those that it reads

HERE = Path(__file__).parent
MODELS = HERE.parents[3] / "reactor" / "gold" / "models"
LINEAGE = "source_modified_at desc, source_key desc, source_version desc, source_row desc"


class Engine:
    """The tables, by the project's names."""

    def __init__(self) -> None:
        """Makes the two tables of silver, empty."""
        self.db = duckdb.connect()
        self.db.execute("set timezone = 'UTC'; set preserve_insertion_order = false; create schema silver; create schema gold;")
        self.db.execute((HERE / "macros.sql").read_text())
        self.silver = {name: (HERE / f"{name.partition('.')[2]}.sql").read_text() for name in KEYS}
        for name in KEYS:
            self.clear(name)

    def clear(self, name: str) -> None:
        """Empties a table of silver."""
        self.db.register("objects", objects([]))
        self.db.execute(f"create or replace table {name} as {self.silver[name]}")

    def take(self, name: str, fetched: Fetched) -> None:
        """Adds the rows of some objects to a table of silver."""
        self.db.register("objects", objects(fetched))
        self.db.execute(f"insert into {name} {self.silver[name]}")

    def settle(self, name: str) -> None:
        """Leaves one row of each key: the greatest (modified, key, version, row)."""
        if self.found(f"from (select 1 from {name} group by {KEYS[name]} having count(*) > 1) limit 1"):
            winners = f"from {name} qualify row_number() over (partition by {KEYS[name]} order by {LINEAGE}) = 1"
            self.db.execute(f"create or replace table {name} as {winners}")

    def compute(self, name: str) -> None:
        """Makes a table of gold, of all days that are there, by the project's model."""
        self.db.execute(f"create or replace table {name} as {(MODELS / name.partition('.')[2]).with_suffix('.sql').read_text()}")

    def put(self, name: str, rows: pa.Table) -> None:
        """Puts a table's rows in the place of those that are there."""
        self.db.register("given", rows)
        self.db.execute(f"create or replace table {name} as from given")

    def found(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, all of them: a result that is not read to its end holds the connection."""
        return self.db.execute(query).fetchall()

    def rows(self, name: str, where: str = "true") -> pa.Table:
        """The rows of a table, by a connection of its own: writers ask side by side."""
        return self.db.cursor().sql(f"from {name} where {where}").to_arrow_table()


def objects(fetched: Fetched) -> pa.Table:
    """Objects as the SQL reads them."""
    return pa.table(
        {
            "source_key": pa.array([v.key for v, _ in fetched], pa.string()),
            "source_version": pa.array([v.version for v, _ in fetched], pa.string()),
            "modified": pa.array([v.modified for v, _ in fetched], pa.string()),
            "body": pa.array([body for _, body in fetched], pa.string()),
        }
    )

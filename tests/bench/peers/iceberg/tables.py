"""The peer's tables: whole-day overwrites and reads by range."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual
from pyiceberg.table import Table

from .. import tables
from ..settings import Settings


class Lake:
    """The six tables, loaded once: a peer is their only writer, so what it committed last is what they are."""

    def __init__(self, settings: Settings, *, by_year: bool = True) -> None:
        """Makes the tables that are not there."""
        catalog = tables.open_catalog(settings)
        tables.make(catalog, settings, by_year=by_year)
        self.tables: dict[str, Table] = {name: catalog.load_table(name) for name in tables.COLUMNS}
        self.schemas: dict[str, pa.Schema] = {name: t.schema().as_arrow() for name, t in self.tables.items()}

    def shaped(self, name: str, rows: pa.Table) -> pa.Table:
        """The rows in the table's order and types."""
        return rows.select(self.schemas[name].names).cast(self.schemas[name])

    def append(self, name: str, rows: pa.Table) -> None:
        """Adds rows whose keys are new."""
        self.tables[name].append(self.shaped(name, rows))

    def replace(self, name: str, rows: pa.Table, where: BooleanExpression | None = None) -> None:
        """Puts rows in the place of those that the condition names, or of all."""
        self.tables[name].overwrite(self.shaped(name, rows), overwrite_filter=where or AlwaysTrue())

    def read(self, name: str, where: BooleanExpression | None = None, columns: tuple[str, ...] = ("*",)) -> pa.Table:
        """The rows that the condition names, or all."""
        return self.tables[name].scan(row_filter=where or AlwaysTrue(), selected_fields=columns).to_arrow()


def between(column: str, first: str, last: str) -> BooleanExpression:
    """Both ends included."""
    return And(GreaterThanOrEqual(column, first), LessThanOrEqual(column, last))


def days(first: dt.date, last: dt.date) -> BooleanExpression:
    """Days of a gold table."""
    return between("day", first.isoformat(), last.isoformat())


def moments(first: dt.date, last: dt.date) -> BooleanExpression:
    """The same days of a silver table."""
    return between("observed_at", f"{first}T00:00:00+00:00", f"{last}T23:59:59.999999+00:00")

"""The tables of the models."""

from __future__ import annotations

from typing import Any

from . import dialect
from .branch import Branch
from .reactor import Lakehouse, Model, Table

# Types that mean the same number in a wider column.
WIDER = {("int", "bigint"), ("float", "double")}


def translated(lake: Lakehouse) -> tuple[dict[str, str], dict[str, str]]:
    """The models' SQL in Spark's words, and why others have none. A model that reads one of these has none either."""
    sql: dict[str, str] = {}
    refused: dict[str, str] = {}
    for model in lake.models:
        missing = [name for name in model.inputs if name in refused]
        try:
            if missing:
                raise dialect.Untranslatable(f"it reads {', '.join(missing)}")
            sql[model.name] = dialect.translate(model.sql, lake.columns(model))
        except dialect.Untranslatable as why:
            refused[model.name] = str(why)
    return sql, refused


def compute(branch: Branch, model: Model, sql: str, table: Table) -> Any:
    """The frame of a model's rows, from the branch's tables."""
    for name in model.inputs:
        branch.read(name).createOrReplaceTempView(name.replace(".", "_"))
    return typed(branch.spark.sql(sql), table)


def typed(frame: Any, table: Table) -> Any:
    """The frame in the types of the table, which its own must be or fit into."""
    have = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    if list(have) != list(table.columns):
        raise SystemExit(f"{table.name}: the query gives {', '.join(have)}; the table has {', '.join(table.columns)}")
    for column, kind in table.columns.items():
        if have[column] != kind and (have[column], kind) not in WIDER:
            raise SystemExit(f"{table.name}: {column} is {have[column]} in Spark and must be {kind}: cast it in the model")
    return frame.selectExpr(*(f"cast(`{column}` as {kind}) as `{column}`" for column, kind in table.columns.items()))

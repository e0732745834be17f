"""Asks the program reactor: which objects and tables there are, and to take over a branch."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table of silver or gold."""

    name: str
    dataset: str
    key: tuple[str, ...]
    month: str
    columns: dict[str, str]  # Spark's types, by column
    order: tuple[tuple[str, bool], ...] = ()  # sorts rows of one key so that the first wins; True is descending
    partition: str = ""  # how files are divided, where that is not by the month

    @property
    def layer(self) -> str:
        """The table's namespace."""
        return self.name.split(".", 1)[0]


@dataclass(frozen=True)
class Model:
    """A table of gold and the SQL that makes it, in DuckDB's words."""

    name: str
    inputs: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Lakehouse:
    """What the reactor computes."""

    tables: dict[str, Table]
    models: tuple[Model, ...]

    def columns(self, model: Model) -> dict[str, str]:
        """The types of the columns that a model may read, by name; of a name with two types none is known."""
        found: dict[str, str] = {}
        for name in model.inputs:
            for column, kind in self.tables[name].columns.items():
                found[column] = kind if found.get(column, kind) == kind else "several"
        return found


def spark_type(kind: Any) -> str:
    """The type that Spark gives a type of Iceberg's JSON."""
    if isinstance(kind, str):
        plain = {"int": "int", "long": "bigint", "timestamptz": "timestamp", "timestamp": "timestamp_ntz"}
        return plain.get(kind, kind.replace(" ", ""))
    if kind["type"] == "list":
        return f"array<{spark_type(kind['element'])}>"
    if kind["type"] == "map":
        return f"map<{spark_type(kind['key'])},{spark_type(kind['value'])}>"
    members = (f"`{f['name']}`:{spark_type(f['type'])}" for f in kind["fields"])
    return f"struct<{','.join(members)}>"


def lakehouse(described: dict[str, Any]) -> Lakehouse:
    """Reads what `reactor schema --output json` prints."""
    tables = {
        t["name"]: Table(
            t["name"],
            t.get("dataset", ""),
            tuple(t["key"]),
            t["month"],
            {f["name"]: spark_type(f["type"]) for f in t["schema"]["fields"]},
            tuple((o["column"], o["descending"]) for o in t.get("order", ())),
            t.get("partition", ""),
        )
        for t in described["tables"]
    }
    models = tuple(Model(m["name"], tuple(m["inputs"]), m["sql"]) for m in described["models"] or ())
    return Lakehouse(tables, models)


class Reactor:
    """The program reactor, on the lake that the environment names. Its log goes where this program's goes."""

    def __init__(self, program: Path, models: Path | None) -> None:
        self.program = program
        self.models = ["--models", str(models)] if models else []

    def json(self, *arguments: str) -> Any:
        """Runs a command and gives what it prints."""
        line = [str(self.program), *arguments, "--output", "json"]
        done = subprocess.run(line, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(line)} ended with {done.returncode}")
        return json.loads(done.stdout)

    def schema(self) -> Lakehouse:
        """All tables and models."""
        return lakehouse(self.json("schema", *self.models))

    def stage(self, branch: str, selection: list[str]) -> list[dict[str, Any]]:
        """Makes the branch and gives its objects."""
        return self.json("stage", branch, *selection, *self.models)

    def branches(self) -> dict[str, dict[str, Any]]:
        """The branches there are, by name."""
        return {b["branch"]: b for b in self.json("publish")}

    def adopt(self, branch: str, covered: Path) -> list[dict[str, Any]]:
        """Has the reactor take note of what is on the branch; gives what it settled, by table."""
        return self.json("adopt", branch, str(covered), *self.models)

    def publish(self, branch: str) -> None:
        """Makes the branch main."""
        self.json("publish", branch)

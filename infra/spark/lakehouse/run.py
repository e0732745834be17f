"""One run: stages a branch, writes silver and gold onto it, and has the reactor take it over."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import functions as f

from . import extract, gold, place, silver
from .branch import Branch
from .reactor import Lakehouse, Reactor, Table
from .session import open_session
from .state import State

REJECTED = "silver.rejected"
GONE = "gone"


@dataclass(frozen=True)
class Options:
    """What a run is to do."""

    branch: str
    selection: list[str]  # flags of `reactor stage`
    tables: tuple[str, ...]  # none: all
    models: Path | None
    publish: bool
    reactor: Path
    state: Path | None


class Progress:
    """Says on the terminal what is being done."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.total = self.done = 0

    def say(self, text: str) -> None:
        """Prints a line."""
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", file=sys.stderr, flush=True)

    def step(self, text: str) -> None:
        """Prints a line for a table that is done."""
        self.done += 1
        self.say(f"[{self.done}/{self.total}] {text}")


def run(options: Options) -> None:
    """Does it, or what is left of it."""
    place.find(options.reactor.with_name("stack"))
    reactor = Reactor(options.reactor, options.models)
    lake = reactor.schema()
    unknown = [name for name in options.tables if name not in lake.tables]
    if unknown:
        raise SystemExit(f"there is no table {', '.join(unknown)}; there are {', '.join(lake.tables)}")
    home = Path(os.environ.get("MILLRACE_HOME", ".millrace"))
    state = State(options.state or home / "spark" / options.branch)
    progress = Progress()
    objects = begun(reactor, state, options, progress)
    Rebuild(lake, options, state, objects, progress).write()
    for line in reactor.adopt(options.branch, state.covered):
        settled = f"{line['rows_settled']} rows differed in the last bits of a double, by {line['worst_relative']:.1e} at most: "
        settled += line["columns"] or ""
        progress.say(f"{line['table']}: {settled if line['rows_settled'] else 'the same bits as the reactor computes'}")
    if options.publish:
        reactor.publish(options.branch)
        state.end()
        progress.say(f"{options.branch} is main")
    else:
        progress.say(f"complete: .bin/reactor publish {options.branch} makes it main")


def begun(reactor: Reactor, state: State, options: Options, progress: Progress) -> list[dict[str, Any]]:
    """The objects of the run: of the one that was stopped, or of a new one."""
    wanted = [*options.selection, *options.tables]
    branch = reactor.branches().get(options.branch)
    kept = state.objects()
    if kept and branch and branch["run"] == kept[0]["run"]:
        if state.selection() != wanted:
            raise SystemExit(
                f"the run that was stopped was for {state.selection() or 'everything'}: name another branch for {wanted}"
            )
        progress.say(f"goes on with run {branch['run']}")
        return kept
    if branch:
        raise SystemExit(
            f"there is a branch {options.branch} already: .bin/reactor publish {options.branch} --drop takes it away"
        )
    objects = reactor.stage(options.branch, options.selection)
    if not objects:
        raise SystemExit(f"there are no objects for it: .bin/reactor publish {options.branch} --drop takes the branch away")
    state.begin(objects, wanted)
    progress.say(f"run {objects[0]['run']}: {len(objects)} object versions, {sum(o['size'] for o in objects):,} bytes")
    return objects


class Rebuild:
    """Writes the tables that are not written yet."""

    def __init__(
        self, lake: Lakehouse, options: Options, state: State, objects: list[dict[str, Any]], progress: Progress
    ) -> None:
        self.lake, self.options, self.state, self.objects, self.progress = lake, options, state, objects, progress
        self.spark = open_session(options.reactor)
        first = objects[0]
        self.branch = Branch(self.spark, options.branch, first["run"], first["step"])
        self.frames: dict[str, Any] = {}
        self.chosen = [t for t in lake.tables.values() if not options.tables or t.name in options.tables]
        self.silver = [t for t in self.chosen if t.dataset]
        if self.silver and lake.tables[REJECTED] not in self.chosen:
            self.chosen.append(lake.tables[REJECTED])  # an object's good and refused rows go together
        self.whole = not options.selection and not options.tables

    def write(self) -> None:
        """Writes silver, the refused rows and gold, and the list of what they are made of."""
        self.progress.total = len(self.chosen)
        for table in self.chosen:
            self.branch.begin(table.name)
        for table in self.silver:
            self._once(table, self._silver)
        if self.silver:
            self._once(self.lake.tables[REJECTED], self._rejected)
        for frame in self.frames.values():
            frame.unpersist()
        self._gold()
        self.state.cover(self._covered())
        self.spark.stop()

    def _once(self, table: Table, write: Any) -> None:
        """Writes a table that this run has not written."""
        if self.branch.written(table.name) and (not table.dataset or self.state.outcomes(table.dataset) is not None):
            self.progress.step(f"{table.name} was written before")
            return
        began = time.monotonic()
        rows = write(table)
        self.progress.step(f"{table.name}: {rows:,} rows, {time.monotonic() - began:.1f} s")

    def _of(self, dataset: str) -> list[dict[str, Any]]:
        return [o for o in self.objects if o["dataset"] == dataset]

    def _extracted(self, table: Table) -> Any:
        """What a dataset's objects become, on the workers' disks."""
        if table.dataset not in self.frames:
            frame = extract.rows(self.spark, self._of(table.dataset), table, self.options.reactor.name)
            self.frames[table.dataset] = frame.persist(StorageLevel.DISK_ONLY)
        return self.frames[table.dataset]

    def _silver(self, table: Table) -> int:
        extracted = self._extracted(table)
        outcomes = silver.outcomes(extracted)
        if len(outcomes) != len(self._of(table.dataset)):
            raise SystemExit(
                f"{len(outcomes)} of {len(self._of(table.dataset))} objects of {table.dataset} came back from the workers"
            )
        self.state.keep(table.dataset, outcomes)
        rows = silver.rows(extracted, table)
        by_month = not self.whole and not table.partition
        if not self.whole:
            kept = self.branch.read(table.name)
            if by_month:
                kept = silver.of_months(kept, table.month, silver.months(rows, table.month))
            kept = kept.select(*table.columns)
            rows = rows.withColumn("_new", f.lit(1)).unionByName(kept.withColumn("_new", f.lit(0)))
        return self.branch.write(table.name, silver.winners(rows, table, *(() if self.whole else ("_new",))), months=by_month)

    def _rejected(self, table: Table) -> int:
        parts = [silver.rejected(self._extracted(t), t.dataset, table) for t in self.silver]
        if not self.whole:
            names = {t.dataset for t in self.silver}
            versions = [(o["key"], o["version"]) for o in self.objects if o["dataset"] in names]
            covered = self.spark.createDataFrame(versions, "source_key string, source_version string")
            parts.append(silver.others(self.branch.read(table.name), covered).select(*table.columns))
        return self.branch.write(table.name, reduce(lambda a, b: a.unionByName(b), parts), months=False)

    def _gold(self) -> None:
        sql, refused = gold.translated(self.lake)
        heads = {t.name: self.branch.head(t.name) for t in self.lake.tables.values() if t.dataset}
        pinned = {name: head for name, head in heads.items() if head is not None}
        for model in self.lake.models:
            table = self.lake.tables[model.name]
            if table not in self.chosen:
                continue
            if model.name in refused:
                self.progress.step(f"{model.name} is left to the reactor: {refused[model.name]}")
                continue
            self._once(
                table,
                lambda t, m=model: self.branch.write(
                    t.name, gold.compute(self.branch, m, sql[m.name], t), months=False, silver=pinned
                ),
            )

    def _covered(self) -> list[dict[str, Any]]:
        """The objects with why they are dead. One that is gone has an event of its own."""
        covered = []
        ids = {t.dataset: self.state.outcomes(t.dataset) for t in self.silver}
        for o in self.objects:
            if o["dataset"] not in ids:
                continue
            reason, kind = ids[o["dataset"]][o["event"]]
            if kind != GONE:
                covered.append({**o, "dead": reason})
        return covered

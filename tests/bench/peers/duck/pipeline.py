"""Bronze to silver to gold. What takes long to import is imported while objects are on their way."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

from ..settings import Settings
from .s3 import Fetched, Store, Version

if TYPE_CHECKING:
    from ..iceberg.tables import Lake
    from .engine import Engine

FOLDERS = {"silver.asset_snapshots": "bronze/coincap/assets/", "silver.asset_prices": "bronze/coincap/history/"}
TOGETHER = 512  # objects that DuckDB takes at once: fewer cost a plan for each, more keep it waiting for the last one
YEAR = dt.timedelta(days=364)  # what a rolling row looks back, and how far a changed day is seen ahead
POLL = 0.1  # s between two looks at bronze; a listing of a day takes 5 ms


class Pipeline:
    """The peer; see serve.Peer."""

    def __init__(self, settings: Settings) -> None:
        """Starts to open the tables."""
        self.store = Store(settings)
        self.threads = ThreadPoolExecutor(8)
        self.opened: Future[Lake] = self.threads.submit(open_lake, settings)
        self.made: Engine | None = None

    @property
    def lake(self) -> Lake:
        """The tables, once they are open."""
        return self.opened.result()

    @property
    def engine(self) -> Engine:
        """DuckDB, which is loaded when it is needed first."""
        if self.made is None:
            from .engine import Engine  # noqa: PLC0415

            self.made = Engine()
        return self.made

    def rebuild(self) -> float:
        """Everything: DuckDB takes objects while others come, and each table is written while the next one is computed."""
        coming = self.store.fetch(list(FOLDERS.values()))
        engine = self.engine
        for name in FOLDERS:
            engine.clear(name)
        waiting: dict[str, Fetched] = {name: [] for name in FOLDERS}
        for chunk in coming:
            name = table_of(chunk[0][0])
            waiting[name] += chunk
            if len(waiting[name]) >= TOGETHER:
                engine.take(name, waiting[name])
                waiting[name] = []
        for name, rest in waiting.items():
            engine.take(name, rest)
            engine.settle(name)
        silver = [self.threads.submit(self.write, name) for name in FOLDERS]
        gold = self.gold(lambda name: self.threads.submit(self.write, name))
        committed = max(f.result() for f in silver)
        for f in gold:
            f.result()
        return committed

    def gold(self, write: Callable[[str], Future[float]]) -> list[Future[float]]:
        """Computes the four tables one after the other and hands each on."""
        from .engine import GOLD  # noqa: PLC0415

        writing = []
        for name in GOLD:
            self.engine.compute(name)
            writing.append(write(name))
        return writing

    def write(self, name: str) -> float:
        """A whole table in the place of what it holds; the moment of the commit."""
        rows = self.engine.rows(name)
        if self.lake.tables[name].current_snapshot() is None:
            self.lake.append(name, rows)
        else:
            self.lake.replace(name, rows)
        return time.time()

    def increment(self, keys: list[str]) -> float:
        """Some new objects: their rows into silver, then gold of the days that they change."""
        first, last = dt.date.max, dt.date.min
        versions = [v for found in self.threads.map(self.store.versions, keys) for v in found if v.key in keys]
        for name, folder in FOLDERS.items():
            if new := [v for v in versions if v.key.startswith(folder)]:
                begin, end = self.merge(name, new)
                first, last = min(first, begin.date()), max(last, end.date())
        committed = time.time()
        if first <= last:
            self.days(first, last)
        return committed

    def merge(self, name: str, versions: list[Version]) -> tuple[dt.datetime, dt.datetime]:
        """Appends when no key can be there, else rewrites the moments from first to last with the winners. Returns both."""
        from ..iceberg.tables import between  # noqa: PLC0415

        self.engine.clear(name)
        self.engine.take(name, self.store.bodies(versions))
        self.engine.settle(name)
        ((first, last),) = self.engine.found(f"select min(observed_at), max(observed_at) from {name}")
        there = between("observed_at", first.isoformat(), last.isoformat())
        old = self.lake.read(name, there)
        if not old.num_rows:
            self.lake.append(name, self.engine.rows(name))
            return first, last
        self.engine.db.register("old", old)
        self.engine.db.execute(f"insert into {name} by name from old")
        self.engine.settle(name)
        self.lake.replace(name, self.engine.rows(name), there)
        return first, last

    def days(self, first: dt.date, last: dt.date) -> None:
        """All four tables, for the days from first to last and what looks back on them, by the models of whole tables."""
        from ..iceberg.tables import days, moments  # noqa: PLC0415
        from .engine import DAILY, GOLD  # noqa: PLC0415

        engine, lake = self.engine, self.lake
        samples = self.threads.map(lambda name: lake.read(name, moments(first, last)), FOLDERS)
        for name, rows in zip(FOLDERS, samples, strict=True):
            engine.put(name, rows)
        known = lake.read(DAILY, days(first - YEAR, last + YEAR))
        engine.compute(DAILY)
        fresh = engine.rows(DAILY)
        writing = [self.threads.submit(lake.replace, DAILY, fresh, days(first, last))]
        engine.db.register("known", known)
        engine.db.execute(f"insert into {DAILY} by name from known where day not between ? and ?", [first, last])
        ((newest,),) = engine.found(f"select max(day) from {DAILY}")
        end = max(last, min(newest or last, last + YEAR))
        for name in GOLD[1:]:
            engine.compute(name)
            rows = engine.rows(name, f"day between date '{first}' and date '{end}'")
            writing.append(self.threads.submit(lake.replace, name, rows, days(first, end)))
        for f in writing:
            f.result()

    def missing(self) -> list[str]:
        """Objects that no row of silver came from."""
        known: set[str] = set()
        for name in FOLDERS:
            known.update(self.lake.read(name, None, ("source_key",))["source_key"].unique().to_pylist())
        return [v.key for folder in FOLDERS.values() for v in self.store.versions(folder) if v.key not in known]

    def watch(self, day: str, increment: Callable[[list[str]], None], ready: Callable[[], None], stop: Event) -> None:
        """Polls the day's folders. What is older was listed once, before."""
        folders = [f"{dataset}ingest_date={day}/" for dataset in FOLDERS.values()]
        seen = {v.key for folder in folders for v in self.store.versions(folder)}
        ready()
        while not stop.wait(POLL):
            new = [v.key for folder in folders for v in self.store.versions(folder) if v.key not in seen]
            if new:
                increment(new)
                seen.update(new)


def table_of(version: Version) -> str:
    """The table of silver that an object's rows belong to."""
    return next(name for name, folder in FOLDERS.items() if version.key.startswith(folder))


def open_lake(settings: Settings) -> Lake:
    """Imports PyIceberg and makes the tables that are not there, a file for all years."""
    from ..iceberg.tables import Lake  # noqa: PLC0415

    return Lake(settings, by_year=False)

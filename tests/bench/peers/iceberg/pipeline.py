"""Bronze to silver to gold."""

from __future__ import annotations

import datetime as dt
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pyarrow as pa
import pyarrow.compute as pc

from .. import bronze, tables
from ..bronze import Version
from ..settings import Settings
from . import daily, silver
from .rankings import market, rankings
from .rolling import rolling
from .tables import Lake, between, days, moments

DAY = dt.timedelta(days=1)
YEAR = 364 * DAY  # what a rolling row looks back, and how far a changed day is seen ahead
POLL = 0.1  # s between two looks at bronze; a listing of a day takes 5 ms

DECODERS: tuple[tuple[str, silver.Decoder], ...] = ((tables.SNAPSHOTS, silver.snapshots), (tables.PRICES, silver.points))

# An overwrite of days that are not there yet is not worth a warning.
warnings.filterwarnings("ignore", message="Delete operation did not match any records")


class Pipeline:
    """The peer; see serve.Peer."""

    def __init__(self, settings: Settings) -> None:
        """Opens tables and bronze."""
        self.lake = Lake(settings)
        self.listing, self.bodies = bronze.Listing(settings), bronze.Bodies(settings)
        self.threads = ThreadPoolExecutor(len(tables.GOLD))

    def fetch(self, versions: list[Version]) -> list[tuple[Version, bytes]]:
        """The objects with their bodies."""
        return list(zip(versions, self.bodies.get((v.key, v.version) for v in versions), strict=True))

    def decoded(self, versions: Iterable[Version]) -> list[tuple[str, pa.Table]]:
        """The winners among the rows of these objects, by table."""
        made = []
        for (name, decode), some in zip(DECODERS, bronze.by_dataset(versions), strict=True):
            if some:
                rows = silver.shaped(decode(self.fetch(some)), self.lake.schemas[name])
                made.append((name, silver.winners(rows, tables.KEYS[name])))
        return made

    def rebuild(self) -> float:
        """Everything, from one listing."""
        made = dict(self.decoded(self.listing.versions("bronze/coincap/")))
        rows = {name: made.get(name, self.lake.schemas[name].empty_table()) for name, _ in DECODERS}
        list(self.threads.map(lambda item: self.lake.replace(*item), rows.items()))
        committed = time.time()
        summary = daily.summary(*self.samples(rows))
        self.write_gold(summary, {}, None)
        return committed

    @staticmethod
    def samples(rows: dict[str, pa.Table]) -> tuple[pa.Table, pa.Table]:
        """The columns that a daily summary is made of."""
        return rows[tables.SNAPSHOTS].select(daily.READ_SNAPSHOTS), rows[tables.PRICES].select(daily.READ_PRICES)

    def write_gold(
        self, summary: pa.Table, changed: dict[str, tuple[dt.date, dt.date]], span: tuple[dt.date, dt.date] | None
    ) -> None:
        """Computes and writes the four tables, side by side: for the days of span, or all. Of daily_summary only `changed`."""
        averages, ranked = rolling(summary), rankings(summary)
        made = {
            tables.DAILY: summary,
            tables.ROLLING: averages,
            tables.RANKINGS: ranked,
            tables.MARKET: market(summary, averages, ranked),
        }

        def write(name: str) -> None:
            written = changed.get(name, span)
            if written is None:
                self.lake.replace(name, made[name])
            else:
                self.lake.replace(name, within(made[name], *written), days(*written))

        list(self.threads.map(write, tables.GOLD))

    def increment(self, keys: list[str]) -> float:
        """Some new objects: their rows into silver, then gold of the days that they change."""
        first, last = dt.date.max, dt.date.min
        for name, rows in self.decoded(self.listing.named(keys)):
            at = pc.min_max(rows["observed_at"]).as_py()
            self.merge(name, rows, at["min"], at["max"])
            first, last = min(first, at["min"].date()), max(last, at["max"].date())
        committed = time.time()
        if first <= last:
            self.gold(first, last)
        return committed

    def merge(self, name: str, rows: pa.Table, first: dt.datetime, last: dt.datetime) -> None:
        """Appends when no key can be there, else rewrites the moments from first to last with the winners."""
        there = between("observed_at", first.isoformat(), last.isoformat())
        old = self.lake.read(name, there)
        if not old.num_rows:
            self.lake.append(name, rows)
            return
        merged = silver.winners(pa.concat_tables([old.cast(rows.schema), rows]), tables.KEYS[name])
        self.lake.replace(name, merged, there)

    def gold(self, first: dt.date, last: dt.date) -> None:
        """All four tables, for the days from first to last and what looks back on them."""
        samples = self.threads.map(
            lambda table: self.lake.read(table[0], moments(first, last), table[1]),
            ((tables.SNAPSHOTS, daily.READ_SNAPSHOTS), (tables.PRICES, daily.READ_PRICES)),
        )
        known = self.lake.read(tables.DAILY, days(first - YEAR, last + YEAR))
        fresh = self.lake.shaped(tables.DAILY, daily.summary(*samples))
        outside = pc.or_(pc.less(known["day"], pa.scalar(first)), pc.greater(known["day"], pa.scalar(last)))
        summary = pa.concat_tables([known.filter(outside).cast(fresh.schema), fresh])
        newest = pc.max(summary["day"]).as_py() or last
        self.write_gold(summary, {tables.DAILY: (first, last)}, (first, max(last, min(newest, last + YEAR))))

    def missing(self) -> list[str]:
        """Objects that no row of silver came from."""
        known: set[str] = set()
        for name, _ in DECODERS:
            known.update(self.lake.read(name, None, ("source_key",))["source_key"].unique().to_pylist())
        return [v.key for v in self.listing.versions("bronze/coincap/") if v.key not in known]

    def watch(self, day: str, increment: Callable[[list[str]], None], ready: Callable[[], None], stop: Event) -> None:
        """Polls the day's folders. What is older was listed once, before."""
        folders = [f"{dataset}ingest_date={day}/" for dataset in (bronze.ASSETS, bronze.HISTORY)]
        seen = {v.key for folder in folders for v in self.listing.versions(folder)}
        ready()
        while not stop.wait(POLL):
            new = [v.key for folder in folders for v in self.listing.versions(folder) if v.key not in seen]
            if new:
                increment(new)
                seen.update(new)


def within(rows: pa.Table, first: dt.date, last: dt.date) -> pa.Table:
    """The rows of these days."""
    return rows.filter(pc.and_(pc.greater_equal(rows["day"], pa.scalar(first)), pc.less_equal(rows["day"], pa.scalar(last))))

"""One client of a crowd: PyIceberg writes rows to silver, or reads gold, until standard input ends, by either catalog.

Usage: client.py write|read rest|sql NAME. Each line that it prints is JSON: what it was told is done, or what it saw.
"""

from __future__ import annotations

import datetime
import decimal
import json
import os
import random
import sys
import threading
import time
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.table import Table

TABLE = "silver.asset_snapshots"
FIRST = datetime.datetime(2025, 6, 10, tzinfo=datetime.UTC)
STEP = "millrace.step"


def catalog(kind: str) -> Catalog:
    """Opens the lake's catalog as `stack env` says, by REST with lent keys or by the database itself."""
    if kind == "rest":
        return RestCatalog(
            "lakehouse",
            uri=os.environ["MILLRACE_ICEBERG_URI"],
            token=os.environ["MILLRACE_ICEBERG_TOKEN"],
            warehouse=os.environ["MILLRACE_ICEBERG_WAREHOUSE"],
        )
    uri = os.environ["MILLRACE_CATALOG"]
    return SqlCatalog(
        "lakehouse",
        uri=uri + ("&" if "?" in uri else "?") + "timeout=60",  # seconds for SQLite's lock
        warehouse="s3://lakehouse",
        **{
            "s3.endpoint": os.environ["MILLRACE_S3_ENDPOINT"],
            "s3.region": "us-east-1",
            "s3.access-key-id": os.environ["MILLRACE_S3_ACCESS_KEY"],
            "s3.secret-access-key": os.environ["MILLRACE_S3_SECRET_KEY"],
        },
    )


def say(**line: Any) -> None:
    """Prints one line for the test."""
    print(json.dumps(line), flush=True)


def row(table: Table, name: str, i: int) -> pa.Table:
    """Gives row i of a writer: one asset, a minute after the row before, with another price and market cap."""
    at = FIRST + datetime.timedelta(minutes=i)
    # Lineage is required; an object of that name need not be there.
    values = {
        "asset_id": name,
        "observed_at": at,
        "price_usd": decimal.Decimal(i + 1),
        "market_cap_usd": decimal.Decimal(i + 1),
        "source_key": f"bronze/coincap/assets/ingest_date=2025-06-30/{name}.json",
        "source_version": "none",
        "source_row": i,
        "source_modified_at": at,
        "ingest_date": at.date(),
    }
    schema = table.schema().as_arrow()
    return pa.table([pa.array([values.get(f.name)], f.type) for f in schema], schema=schema)


def keep(lake: Catalog) -> None:
    """Lets the table keep the snapshots of five minutes: a slow writer needs the one that it began with, and thirty commits are soon made."""
    while True:
        try:
            with lake.load_table(TABLE).transaction() as changes:
                changes.set_properties({"history.expire.max-snapshot-age-ms": "300000"})
            return
        except CommitFailedException:
            time.sleep(random.uniform(0, 0.2))


def write(lake: Catalog, name: str, end: threading.Event) -> None:
    """Appends rows one by one, each until it is acknowledged."""
    i = 0
    while not end.is_set():
        conflicts, began = 0, time.monotonic()
        while True:
            table = lake.load_table(TABLE)
            try:
                table.append(row(table, name, i))
                break
            except (CommitFailedException, ValidationException):  # of a writer so slow that what it began with has expired
                conflicts += 1
                time.sleep(random.uniform(0, 0.2))
        say(row=i, conflicts=conflicts, seconds=time.monotonic() - began)
        i += 1


def steps(table: Table) -> dict[int, int]:
    """Gives the snapshot of each step of gold that a table has, upkeep's left out."""
    return {int(s.summary[STEP]): s.snapshot_id for s in table.metadata.snapshots if s.summary and STEP in s.summary.additional_properties}


def caps(table: Table, snapshot: int) -> dict[tuple[str, datetime.date], Any]:
    """Gives the market cap of each asset and day as of a snapshot."""
    rows = table.scan(snapshot_id=snapshot, selected_fields=("asset_id", "day", "market_cap_usd")).to_arrow()
    return {(r["asset_id"], r["day"]): r["market_cap_usd"] for r in rows.to_pylist()}


def read(lake: Catalog, end: threading.Event) -> None:
    """Reads two tables that each step of gold changes together: whoever sees the step in one sees it in the other afterwards."""
    pair = ["gold.daily_summary", "gold.rankings"]
    while not end.is_set():
        random.shuffle(pair)
        began = time.monotonic()
        first, second = (lake.load_table(name) for name in pair)
        newest = max(steps(first), default=0)
        if newest not in steps(second):
            say(half=f"step {newest} is in {pair[0]}, and {pair[1]}, which was loaded after it, has {sorted(steps(second))[-3:]}")
        elif newest and caps(first, steps(first)[newest]) != caps(second, steps(second)[newest]):
            say(half=f"step {newest} has other market caps in {pair[0]} than in {pair[1]}")
        say(step=newest, seconds=time.monotonic() - began)


def main() -> None:
    """Works until the test closes standard input."""
    mode, kind, name = sys.argv[1:4]
    end = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), end.set()), daemon=True).start()
    lake = catalog(kind)
    lake.load_table(TABLE)
    if mode == "write":
        keep(lake)
    say(ready=True)
    if mode == "write":
        write(lake, name, end)
    else:
        read(lake, end)
    say(ended=True)


main()

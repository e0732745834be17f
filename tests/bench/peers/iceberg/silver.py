"""Bronze objects to silver rows, in columns: orjson reads, Arrow converts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ..bronze import Version
from .decimals import decimals

Fetched = Iterable[tuple[Version, bytes]]
Row = dict[str, Any]

TIME = pa.timestamp("us", "UTC")
TOKENS = pa.map_(pa.string(), pa.list_(pa.string()))
# column → the API's name and the decimals it is stored with
ASSET_DECIMALS = {
    "supply": ("supply", 18),
    "max_supply": ("maxSupply", 18),
    "market_cap_usd": ("marketCapUsd", 18),
    "volume_usd_24h": ("volumeUsd24Hr", 18),
    "price_usd": ("priceUsd", 28),
    "change_percent_24h": ("changePercent24Hr", 18),
    "vwap_24h": ("vwap24Hr", 28),
}
POINT_DECIMALS = {"price_usd": ("priceUsd", 28), "circulating_supply": ("circulatingSupply", 18)}

LINEAGE = ("source_modified_at", "source_key", "source_version", "source_row")


class Rows:
    """The rows of some objects, each with its object version and its place there."""

    def __init__(self, fetched: Fetched) -> None:
        """Parses all objects."""
        self.rows: list[Row] = []
        self.stamps: list[int | None] = []
        self.sources: list[tuple[Version, int]] = []
        for version, body in fetched:
            envelope = orjson.loads(body)
            for i, row in enumerate(envelope["data"]):
                self.rows.append(row)
                self.stamps.append(envelope.get("timestamp"))
                self.sources.append((version, i))

    def texts(self, name: str) -> list[Any]:
        """One member of every row."""
        return [row.get(name) for row in self.rows]

    def numbers(self, columns: dict[str, tuple[str, int]]) -> dict[str, pa.Array]:
        """Decimal columns, and `extra` with the text of every number that had to be rounded."""
        made: dict[str, pa.Array] = {}
        extra: list[dict[str, str] | None] = [None] * len(self.rows)
        for column, (name, scale) in columns.items():
            texts = self.texts(name)
            made[column], rounded = decimals(texts, scale)
            for i in rounded:
                extra[i] = {**(extra[i] or {}), name: texts[i]}
        kept = [e and json.dumps(e, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for e in extra]
        made["extra"] = pa.array(kept, pa.string())
        return made

    def lineage(self) -> dict[str, pa.Array]:
        """The lineage columns."""
        return {
            "source_key": pa.array([v.key for v, _ in self.sources], pa.string()),
            "source_version": pa.array([v.version for v, _ in self.sources], pa.string()),
            "source_row": pa.array([i for _, i in self.sources], pa.int64()),
            "source_modified_at": pa.array([v.modified for v, _ in self.sources], TIME),
            "ingest_date": pa.array([v.ingest_date for v, _ in self.sources], pa.date32()),
        }


def times(milliseconds: list[int | None]) -> pa.Array:
    """Moments from milliseconds since 1970."""
    return pc.cast(pa.array(milliseconds, pa.int64()).cast(pa.timestamp("ms", "UTC")), TIME)


def tokens(value: dict[str, list[str] | str] | None) -> list[tuple[str, list[str]]] | None:
    """A map as Arrow takes it, by name."""
    if value is None:
        return None
    return [(chain, [at] if isinstance(at, str) else at) for chain, at in sorted(value.items())]


def snapshots(fetched: Fetched) -> dict[str, pa.Array]:
    """Columns of silver.asset_snapshots."""
    rows = Rows(fetched)
    ranks = [None if r is None else int(r) for r in rows.texts("rank")]
    return {
        "asset_id": pa.array(rows.texts("id"), pa.string()),
        "observed_at": times(rows.stamps),
        "rank": pa.array(ranks, pa.int32()),
        "symbol": pa.array(rows.texts("symbol"), pa.string()),
        "name": pa.array(rows.texts("name"), pa.string()),
        "explorer": pa.array(rows.texts("explorer"), pa.string()),
        "tokens": pa.array([tokens(t) for t in rows.texts("tokens")], TOKENS),
        **rows.numbers(ASSET_DECIMALS),
        **rows.lineage(),
    }


def points(fetched: Fetched) -> dict[str, pa.Array]:
    """Columns of silver.asset_prices."""
    rows = Rows(fetched)
    return {
        "asset_id": pa.array([v.series[0] for v, _ in rows.sources], pa.string()),
        "interval": pa.array([v.series[1] for v, _ in rows.sources], pa.string()),
        "observed_at": times(rows.texts("time")),
        **rows.numbers(POINT_DECIMALS),
        **rows.lineage(),
    }


Decoder = Callable[[Fetched], dict[str, pa.Array]]


def shaped(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    """The columns in the table's order, in its types."""
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def winners(rows: pa.Table, key: list[str]) -> pa.Table:
    """Of the rows with one key, the greatest (modified, key, version, row)."""
    ordered = rows.sort_by([(column, "ascending") for column in (*key, *LINEAGE)])
    numbered = ordered.select(key).append_column("i", pa.array(range(ordered.num_rows), pa.int64()))
    last = numbered.group_by(key, use_threads=False).aggregate([("i", "max")])["i_max"]
    return ordered if len(last) == ordered.num_rows else ordered.take(last)

"""Brings the rows of all object versions together: among rows of one key the newest object's wins, as a whole row."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from . import decode

TABLES = {"coincap/assets": "silver.asset_snapshots", "coincap/history": "silver.asset_prices"}
KEYS = {
    "silver.asset_snapshots": ("asset_id", "observed_at"),
    "silver.asset_prices": ("asset_id", "interval", "observed_at"),
    "silver.rejected": ("source_key", "source_version", "source_row"),
}

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]


def objects(folder: Path) -> list[decode.Object]:
    """Reads the listing of bronze that a test left: a line for each object version, its bytes in a file."""
    out = []
    for line in (folder / "bronze.jsonl").read_text().splitlines():
        o = json.loads(line)
        modified = datetime.fromisoformat(o["modified"].replace("Z", "+00:00"))
        out.append(decode.Object(o["key"], o["version"], modified, o["meta"] or {}, (folder / o["file"]).read_bytes()))
    return out


def tables(bronze: list[decode.Object]) -> tuple[dict[str, Table], int]:
    """The three tables of silver by key, and the number of objects that are dead letters."""
    out: dict[str, Table] = {name: {} for name in KEYS}
    dead = 0
    for o in sorted(bronze, key=lambda o: (o.modified, o.key, o.version)):
        try:
            good, refused = decode.rows(o)
        except decode.Unreadable:
            dead += 1
            continue
        name = TABLES[o.dataset]
        for row in good:  # in the order of the object, so that the later one of two rows with a key stays
            out[name][tuple(row[c] for c in KEYS[name])] = row
        for row in refused:
            out["silver.rejected"][tuple(row[c] for c in KEYS["silver.rejected"])] = row
    return out, dead

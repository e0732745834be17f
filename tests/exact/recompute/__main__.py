"""`python -m recompute generate FOLDER --days N --seed N` makes bronze; `python -m recompute prove FOLDER` judges a lake.

FOLDER has bronze.jsonl, a line for each object version with its file, and tables/<name>.json, each table as
`reactor query --output json` prints it. `prove` prints a line a table and ends with 1 when a cell differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import compare, doubt, generate, gold, silver


def prove(folder: Path) -> int:
    """Recomputes all tables, compares them, and doubts the comparison; the number of differences."""
    start = time.monotonic()
    bronze = silver.objects(folder)
    expected, dead = silver.tables(bronze)
    expected |= gold.tables(expected)
    print(f"{len(bronze)} object versions, {dead} of them dead letters, recomputed in {time.monotonic() - start:.1f} s")
    different = 0
    for name, keys in (silver.KEYS | gold.KEYS).items():
        verdict = compare.compare(name, expected[name], keys, folder / "tables" / f"{name}.json")
        worst = max(verdict.worst.items(), key=lambda w: w[1], default=None)
        off = f", doubles within {worst[1]:.1e} ({worst[0]})" if worst else ""
        count = sum(verdict.differences.values())
        print(f"{name}: {verdict.rows} rows, {verdict.cells} cells, {count} differences{off}")
        for text in verdict.shown:
            print("  " + text)
        blind = doubt.unseen(verdict, verdict.samples)
        if blind:
            print(f"  the comparison does not see a changed cell of {', '.join(blind)}")
        different += count + len(blind)
    return different


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="recompute", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("generate")
    making.add_argument("folder", type=Path)
    making.add_argument("--days", type=int, default=3650)
    making.add_argument("--seed", type=int, default=1)
    proving = commands.add_parser("prove")
    proving.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.command == "generate":
        print(generate.generate(args.folder, args.days, args.seed))
        return 0
    return 1 if prove(args.folder) else 0


if __name__ == "__main__":
    sys.exit(main())

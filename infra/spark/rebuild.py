"""Rebuilds silver and gold on Spark, onto a branch that the reactor then takes over.

    eval "$(.bin/stack env --role reactor)"
    eval "$(.bin/stack env --role owner | grep ICEBERG)"
    .venv-spark/bin/python infra/spark/rebuild.py ten-years
    .bin/reactor publish ten-years

docs/scale.md says when to use it, and how it runs on a cluster.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lakehouse.run import Options, run


def options(arguments: list[str]) -> Options:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="rebuild.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("branch", help="name of the branch; a run that was stopped goes on under the same name")
    parser.add_argument("--from", dest="first", metavar="YYYY-MM-DD", help="only objects with this ingest date or a later one")
    parser.add_argument("--to", dest="last", metavar="YYYY-MM-DD", help="only objects with this ingest date or an earlier one")
    parser.add_argument("--tables", metavar="A,B", help="only these tables, such as silver.asset_prices,gold.daily_summary")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of own gold models")
    parser.add_argument("--publish", action="store_true", help="make the branch main when it is complete")
    parser.add_argument("--reactor", type=Path, default=Path(".bin/reactor"), metavar="FILE", help="the program (.bin/reactor)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where a stopped run is remembered (.millrace/spark/BRANCH)")
    got = parser.parse_args(arguments)
    selection = [part for flag, day in (("--from", got.first), ("--to", got.last)) if day for part in (flag, day)]
    tables = tuple(got.tables.split(",")) if got.tables else ()
    return Options(got.branch, selection, tables, got.models, got.publish, got.reactor.resolve(), got.state)


if __name__ == "__main__":
    run(options(sys.argv[1:]))

"""Lands years of CoinCap's daily history in bronze, by hand: from, to and assets are the run's parameters.

Silver and gold follow while it runs.
"""

from __future__ import annotations

import json
import logging
import shlex
import subprocess
from datetime import datetime, timezone

from airflow.sdk import Param, dag, task
from lakehouse import INGEST, bronze_asset, program, refuse_empty_run

log = logging.getLogger(__name__)


@dag(
    schedule=None,
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    on_success_callback=refuse_empty_run,
    max_active_runs=1,
    params={
        "from": Param("2025-01-01", type="string", format="date", description="First day, UTC."),
        "to": Param("2025-12-31", type="string", format="date", description="Last day, included."),
        "assets": Param([], type="array", items={"type": "string"}, description="Slugs; none means the largest ones."),
        "top": Param(20, type="integer", minimum=1, maximum=2000, description="How many of the largest, where none are named."),
        "dry_run": Param(False, type="boolean", description="Only say what it would cost."),
    },
    tags=["coincap", "bronze"],
    doc_md=f"""{__doc__}
CoinCap gives at most a year of `d1` history a call, so the time is cut into pieces, one mapped task each; a piece that fails
is retried alone. **It says the cost before it spends anything**: the task `plan` prints calls and credits of each piece
(`ingestor history --dry-run` does the same in a shell), and with `dry_run` that is all.

A second run finds its objects in bronze and changes nothing.
""",
)
def coincap_backfill():
    """Plan, then land each piece."""

    @task
    def plan(params: dict) -> list[str]:
        """Cut the time into pieces and say what they cost; the flags of each piece's ingestor are the result."""
        whose = ["--assets", ",".join(params["assets"])] if params["assets"] else ["--top", str(params["top"])]
        command = [program("ingestor"), "history", "--from", params["from"], "--to", params["to"], *whose]
        priced = subprocess.run(
            [*command, "--dry-run", "--output", "json"], check=False, capture_output=True, text=True, timeout=60
        )
        if priced.returncode != 0:
            raise ValueError(f"the ingestor cannot plan this: {priced.stderr.strip()}")
        pieces = json.loads(priced.stdout)
        for piece in pieces:
            log.info("%(from)s to %(to)s: %(assets)s assets, %(calls)s calls, %(credits)s credits", piece)
        log.info(
            "in all %d calls and at most about %d credits", sum(p["calls"] for p in pieces), sum(p["credits"] for p in pieces)
        )
        if params["dry_run"]:
            return []
        return [shlex.join(["--from", piece["from"], "--to", piece["to"], *whose]) for piece in pieces]

    @task.bash(
        outlets=[bronze_asset("history")],
        do_xcom_push=False,
        map_index_template="{{ task.op_kwargs['piece'] }}",
        **INGEST,
    )
    def land(piece: str) -> str:
        """Land one piece."""
        return f"{program('ingestor')} history {piece}"

    land.expand(piece=plan())


coincap_backfill()

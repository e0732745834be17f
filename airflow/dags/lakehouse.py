"""What the DAGs share: where the programs are, the Assets they make or wait for, the day of a run, and what no retry mends.

Nothing here touches the network or a disk when it is imported; the dag-processor imports it again and again.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from airflow.sdk import Asset, RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision
from airflow.sdk.exceptions import AirflowFailException

BUCKET = os.environ.get("MILLRACE_BUCKET", "lakehouse")
# `go tool task airflow` names the folder of the programs; the images have them on the PATH.
BIN = os.environ.get("MILLRACE_BIN", "")

# CoinCap's limit is for a key: one task at a time asks it. `stack airflow` makes the pool.
POOL = "coincap"

# Exit codes of the ingestor: 2 is wrong usage, 3 what `--final-exit-code 3` gives a refused key and the like.
WRONG_USAGE = 2
FINAL = 3


def bronze_asset(dataset: str) -> Asset:
    """The objects of one dataset in bronze, which a run adds to."""
    return Asset(name=f"bronze.{dataset}", uri=f"s3://{BUCKET}/bronze/coincap/{dataset}", group="bronze")


def source_files() -> list[Path]:
    """The files of MILLRACE_SOURCES, a comma between two: datasets with a block `fetch`, which coincap_daily lands as well.

    A task runs in a folder of its own, so a path has to be absolute; `stack airflow` makes it so.
    """
    files = [Path(name.strip()) for name in os.environ.get("MILLRACE_SOURCES", "").split(",") if name.strip()]
    for file in files:
        if not file.is_absolute() or len(file.parts) < 3:
            raise ValueError(f"MILLRACE_SOURCES names {file}: write the whole path, such as /srv/datasets/binance/klines.yaml")
    return list(dict.fromkeys(files))


def source_asset(file: Path) -> Asset:
    """The objects of the dataset whose file is <folder>/<source>/<dataset>.yaml."""
    source, dataset = file.parent.name, file.stem
    return Asset(name=f"bronze.{source}.{dataset}", uri=f"s3://{BUCKET}/bronze/{source}/{dataset}", group="bronze")


def gold_asset() -> Asset:
    """All of gold. Its events come from the reactor, one after each step that changed a table, and name the tables there are.

    A DAG that is about one table waits for that one's own Asset, such as `Asset("s3://lakehouse/gold/rankings")`.
    """
    return Asset(name="gold", uri=f"s3://{BUCKET}/gold", group="gold")


def day_to_land(params: Mapping, logical_date: datetime | None) -> str:
    """Return the day that a run lands: its parameter `date`, or else the UTC day of its logical date.

    Not the start of its data interval: a run by hand gets the last complete day as its interval, whatever logical date was
    asked for. Of a scheduled run and of a backfill's both are the same. Without either the run fails at once: Airflow lets a
    run by hand have none, and a retry would have none as well.
    """
    if given := params.get("date"):
        try:
            return date.fromisoformat(given).isoformat()
        except (TypeError, ValueError) as error:
            raise AirflowFailException(f"the parameter date is {given!r}: it must be a day such as 2026-01-31") from error
    if logical_date is None:
        raise AirflowFailException(
            'this run has no day to land: trigger it with the parameter date (--conf \'{"date": "2026-01-31"}\') '
            "or with a logical date (-l 2026-01-31)"
        )
    return logical_date.astimezone(timezone.utc).date().isoformat()


def refuse_empty_run(context: Mapping) -> None:
    """Say that a run was green and ran nothing; the DAGs are told of each run that succeeds.

    Airflow makes no task of a run whose logical date is before the DAG's first day, and calls it a success: `dags test` of such
    a day, or `dags trigger -l`. There is no task then that could fail. `dags test` ends with this message and exit code 1; the
    scheduler's log of DAG files has it.
    """
    if context.get("ti") is not None:
        return
    message = (
        f"run {context.get('run_id')} of {context['dag'].dag_id} ran no task: its logical date is before the DAG's first day, "
        f'{context["dag"].start_date:%Y-%m-%d}. Name a day with the parameter date (--conf \'{{"date": "2026-01-31"}}\'), '
        "or use `airflow backfill create`"
    )
    if sys.argv[1:3] == ["dags", "test"]:
        raise SystemExit(message)  # Airflow logs every other exception of a callback, and goes on
    raise AirflowFailException(message)


def program(name: str) -> str:
    """The path of one of the project's programs, or its name where it is on the PATH."""
    return str(Path(BIN) / name) if BIN else name


class ExitCodePolicy(RetryPolicy):
    """Fails at once where trying again cannot help; everything else is retried as the task says."""

    def evaluate(self, exception, try_number, max_tries, context=None) -> RetryDecision:
        """Read the exit code from BashOperator's exception, whose text is all that it carries."""
        code = re.search(r"exit code (\d+)", str(exception))
        if code is None:
            return RetryDecision.default()
        if int(code[1]) == FINAL:
            return RetryDecision.fail(
                "The source refused the key or the request: a retry would be refused as well. The log says what to change."
            )
        if int(code[1]) == WRONG_USAGE:
            return RetryDecision.fail("The ingestor does not take this command line: a retry would not either.")
        return RetryDecision.default()

    def serialize(self) -> dict:
        """Nothing to keep: the policy has no settings."""
        return {}


# What a task that runs the ingestor needs. A call of its own is tried again for 90 seconds before the task fails, so the
# first retry can wait; an outage of hours is bridged by the growing delay.
INGEST = {
    "pool": POOL,
    "retries": int(os.environ.get("MILLRACE_AIRFLOW_RETRIES", "8")),
    "retry_delay": timedelta(seconds=float(os.environ.get("MILLRACE_AIRFLOW_RETRY_SECONDS", "60"))),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(hours=1),
    "retry_policy": ExitCodePolicy(),
    "execution_timeout": timedelta(minutes=30),
    "env": {"MILLRACE_INGEST_FINAL_EXIT_CODE": str(FINAL)},
    "append_env": True,
}

# The same for a source by a file: its pace is its own, so it waits for no pool, but no two of its tasks ask it at once.
FETCH = {name: value for name, value in INGEST.items() if name != "pool"} | {"max_active_tis_per_dag": 1}

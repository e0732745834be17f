"""What the DAGs share: where the programs are, the Assets they make or wait for, and which failures a retry cannot mend.

Nothing here touches the network or a disk when it is imported; the dag-processor imports it again and again.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Asset, RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

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


def gold_asset(table: str) -> Asset:
    """A gold table. Its events come from the reactor, one for each commit that changed it."""
    return Asset(name=f"gold.{table}", uri=f"s3://{BUCKET}/gold/{table}", group="gold")


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
                "CoinCap refused the key or the request: a retry would be refused as well. The log says what to change."
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

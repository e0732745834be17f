"""Rebuilds silver and gold from bronze on Spark, by hand: which days and which tables are the run's parameters.

It writes onto a branch that no reader sees, proves the branch against bronze, and makes it main.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from lakehouse import BIN, program, refuse_empty_run

# Where the programs lie in a folder of the repository, so do infra/spark and the Python that spark:install has made.
ROOT = Path(BIN).parent if BIN else Path("/opt/millrace")
SPARK = Path(os.environ.get("MILLRACE_SPARK", ROOT / "infra" / "spark"))
PYTHON = Path(os.environ.get("MILLRACE_SPARK_PYTHON", ROOT / ".venv-spark" / "bin"))


@dag(
    schedule=None,
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    on_success_callback=refuse_empty_run,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(seconds=30)},
    params={
        "from": Param(None, type=["null", "string"], format="date", description="The first ingest date; none means all."),
        "to": Param(None, type=["null", "string"], format="date", description="The last one."),
        "tables": Param([], type="array", items={"type": "string"}, description="Such as silver.asset_prices; none means all."),
        "publish": Param(True, type="boolean", description="Make the branch main when it is proved."),
    },
    tags=["silver", "gold", "spark"],
    doc_md=f"""{__doc__}
1. `rebuild` runs `infra/spark/rebuild.py` by `spark-submit`, on the master of the connection `spark_default`. A retry goes on
   from the tables that were written.
2. `check` has the reactor compute every row of the branch from bronze and compare it (`reactor check --branch`).
3. `publish` makes the branch main: all tables, the ledger and the pins in one transaction. Without the parameter `publish` the
   branch stays, for `reactor publish`.

Nothing of a run that fails is seen by anybody; `reactor publish NAME --drop` takes its branch away. The lake goes on meanwhile.
If an object has come in before `publish`, main has moved on, and `check` fails: stop the reactor, or run it at a quiet time.

No credential passes through Airflow: the programs read those of the stack in `MILLRACE_HOME`. What it takes is in docs/scale.md.
""",
)
def lakehouse_rebuild():
    """Write onto a branch, prove it, make it main."""

    @task
    def branch(run_id: str | None = None) -> str:
        """Name the run's branch: a retry must find it again."""
        return "spark-" + re.sub("[^A-Za-z0-9]+", "-", run_id).strip("-")

    @task
    def arguments(name: str, params: dict) -> list[str]:
        """Give rebuild.py's command line."""
        days = [part for flag in ("from", "to") if params[flag] for part in (f"--{flag}", params[flag])]
        tables = ["--tables", ",".join(params["tables"])] if params["tables"] else []
        return [name, "--reactor", shutil.which(program("reactor")) or program("reactor"), *days, *tables]

    @task.bash(do_xcom_push=False, retries=0)
    def check(name: str) -> str:
        """Prove the branch against bronze."""
        return f"{program('reactor')} check --branch {shlex.quote(name)}"

    @task.bash(do_xcom_push=False, retries=0)
    def publish(name: str, params: dict) -> str:
        """Make the branch main."""
        if not params["publish"]:
            raise AirflowSkipException(f"branch {name} is left to `reactor publish {name}`")
        return f"{program('reactor')} publish {shlex.quote(name)}"

    name = branch()
    rebuild = SparkSubmitOperator(
        task_id="rebuild",
        application=str(SPARK / "rebuild.py"),
        application_args=arguments(name),
        properties_file=str(SPARK / "spark.properties"),
        name="millrace rebuild",
        env_vars={
            "PATH": f"{PYTHON}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYSPARK_PYTHON": str(PYTHON / "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        execution_timeout=timedelta(hours=12),
    )
    rebuild >> check(name) >> publish(name)


lakehouse_rebuild()

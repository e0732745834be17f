"""Lands one day of CoinCap in bronze, every day after midnight UTC.

This is all that is scheduled: that the object arrived makes silver and gold follow by themselves.
"""

from __future__ import annotations

import os
import shlex
from datetime import datetime, timezone

from airflow.sdk import CronDataIntervalTimetable, Param, dag, task
from lakehouse import FETCH, INGEST, bronze_asset, day_to_land, program, refuse_empty_run, source_asset, source_files

# The first day to land. `stack airflow` sets it to the day before its first start: what came before is in the first ingest,
# or is for coincap_backfill.
START = datetime.fromisoformat(os.environ.get("MILLRACE_DAILY_START", "2026-11-01")).replace(tzinfo=timezone.utc)


@dag(
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    # Days on which Airflow was down are landed when it is back.
    catchup=True,
    on_success_callback=refuse_empty_run,
    max_active_runs=3,
    params={
        "date": Param(
            None, type=["null", "string"], format="date", description="The day, UTC; none is that of the logical date."
        ),
        "top": Param(20, type="integer", minimum=1, maximum=2000, description="The assets with the largest market cap."),
    },
    tags=["coincap", "bronze"],
    doc_md=f"""{__doc__}
The run of a day lands the day's `d1` history of the largest assets and, for yesterday, a snapshot of the market as it is now.
Objects have names of their own and are written once, so **any day can be run again at any time**: what is there already is
not written twice, and what CoinCap has restated since comes in as a new version of the day.

* A failed call is tried again inside the task, then the task is: after 1, 2, 4 … minutes, at most an hour. A day of which no
  asset has data counts as failed.
* A refused key fails at once. Its log says what to change; then clear the task.
* One day by hand: `airflow dags trigger coincap_daily --conf '{{"date": "2026-01-31"}}'`, or with `-l 2026-01-31`.
* Airflow runs no task of a logical date before the DAG's first day ({START:%Y-%m-%d}), and calls the run a success: `dags test`
  of such a day fails and says so, and so does the log of a triggered one. The parameter `date` may be any day.
* Past days: `airflow backfill create --dag-id coincap_daily --from-date … --to-date …`; years: the DAG `coincap_backfill`.
* Other sources: each file that the environment's MILLRACE_SOURCES names is a task of its own, `fetch_<source>_<dataset>`.
* Is it in gold? `reactor wait --key …`, with a key from the log.
""",
)
def coincap_daily():
    """A task for CoinCap and one for each file: whatever follows from the objects is not Airflow's business."""

    @task.bash(outlets=[bronze_asset("history"), bronze_asset("assets")], do_xcom_push=False, **INGEST)
    def land(params: dict, logical_date: datetime | None = None) -> str:
        """Land the run's own day, whenever it runs."""
        return f"{program('ingestor')} daily --date {day_to_land(params, logical_date)} --top {params['top']}"

    @task.bash(do_xcom_push=False, **FETCH)
    def fetch(source: str, params: dict, logical_date: datetime | None = None) -> str:
        """Land the run's own day of a source, as its file says."""
        return f"{program('ingestor')} fetch --source {shlex.quote(source)} --date {day_to_land(params, logical_date)}"

    land()
    for file in source_files():
        fetch.override(task_id=f"fetch_{file.parent.name}_{file.stem}", outlets=[source_asset(file)])(str(file))


coincap_daily()

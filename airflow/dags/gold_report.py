"""Looks at gold after each of its commits and leaves a report in s3://lakehouse/reports/: Markdown with a chart.

It is scheduled on the Asset of all gold, whose events the reactor sends. Which tables there are, the lake says: a new model
needs no change here.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import Param, dag, get_current_context, task
from lakehouse import gold_asset, refuse_empty_run


@dag(
    schedule=[gold_asset()],
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    catchup=False,
    on_success_callback=refuse_empty_run,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30), "execution_timeout": timedelta(minutes=5)},
    params={"max_age_days": Param(2, type="integer", minimum=0, description="How old gold's newest day may be.")},
    tags=["gold"],
    doc_md=f"""{__doc__}
1. `day`: the newest day in gold.
2. `fresh` fails when gold's newest day is older than `max_age_days`; `audited` when rows of the day break one of gold's audits.
3. `write` writes `reports/gold/<day>/report.md`, with the market of the day and all tables of gold, and `chart.svg`. The same
   day again replaces them.
""",
)
def gold_report():
    """Find the day, check it, write it down."""

    @task
    def day() -> str:
        """Ask gold for its newest day.

        Not the events that started the run: Airflow hands those that come between two looks of its scheduler to the run
        after this one, which may be tomorrow's.
        """
        import report

        return report.newest_day()

    @task
    def fresh(params: dict) -> None:
        """Fail when gold has not had a day for too long, as of the run's own time."""
        import report

        newest = datetime.fromisoformat(report.newest_day()).replace(tzinfo=timezone.utc)
        age = get_current_context()["dag_run"].run_after - newest
        if age > timedelta(days=params["max_age_days"] + 1):
            raise ValueError(f"gold's newest day is {newest:%Y-%m-%d}, {age.days} days ago: does coincap_daily run?")

    @task
    def audited(of: str) -> None:
        """Fail when rows of the day break a rule that gold promises."""
        import report

        report.audit(of)

    @task
    def write(of: str) -> str:
        """Write the report and return its key."""
        import report

        return report.write(of)

    of = day()
    [fresh(), audited(of)] >> write(of)


gold_report()

"""The DAGs as Airflow loads them: no import errors, and what each promises about schedule, retries and Assets."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[1] / "dags"

MARKET = {
    "n_assets": 2, "total_market_cap_usd": 3e12, "total_volume_usd": 1e11, "hhi": 5200.0,
    "advancers": 1, "decliners": 1, "top_gainer": "bitcoin", "top_loser": "ethereum",
}  # fmt: skip
RANK = {
    "rank": 1, "rank_change_1d": 2, "asset_id": "bitcoin", "close": 100000.5, "return_1d": 0.0123, "return_7d": None,
    "volatility_30d": 0.5, "drawdown": -0.1, "dominance_pct": 60.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def bag(tmp_path_factory):
    """Load the folder, with a database of the test's own, so that nothing is written into the tree."""
    import os
    import sys

    home = tmp_path_factory.mktemp("airflow")
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(DAGS))
    from airflow.utils.db import initdb

    initdb()
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))


def test_all_dags_load(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == {"coincap_daily", "coincap_backfill", "gold_report", "lakehouse_rebuild"}


def test_each_dag_and_task_says_what_it_is_for(bag):
    for dag in bag.dags.values():
        assert dag.doc_md and len(dag.doc_md) > 200, dag.dag_id
        assert dag.tags, dag.dag_id


def test_daily_lands_each_day_after_its_end(bag):
    from airflow.sdk import CronDataIntervalTimetable

    dag = bag.dags["coincap_daily"]
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.timetable.expression == "0 0 * * *"
    assert str(dag.timezone) == "UTC"
    assert dag.start_date is not None
    assert dag.catchup is True
    assert dag.max_active_runs == 3


@pytest.mark.parametrize("dag_id", ["coincap_daily", "coincap_backfill"])
def test_tasks_that_ask_coincap_wait_and_try_again(bag, dag_id):
    from lakehouse import ExitCodePolicy

    land = bag.dags[dag_id].get_task("land")
    options = land.partial_kwargs if dag_id == "coincap_backfill" else vars(land)
    assert options["pool"] == "coincap"
    assert options["retries"] == 8
    assert options["retry_exponential_backoff"] == 2.0
    assert options["max_retry_delay"] == timedelta(hours=1)
    assert options["execution_timeout"] == timedelta(minutes=30)
    assert isinstance(options["retry_policy"], ExitCodePolicy)


def test_outlets_are_the_bronze_assets(bag):
    outlets = {asset.uri for asset in bag.dags["coincap_daily"].get_task("land").outlets}
    assert outlets == {"s3://lakehouse/bronze/coincap/history", "s3://lakehouse/bronze/coincap/assets"}


def test_the_command_is_for_the_runs_own_day(bag):
    land = bag.dags["coincap_daily"].get_task("land").python_callable
    command = land({"date": None, "top": 20}, datetime(2026, 11, 20, tzinfo=timezone.utc))
    assert command.endswith("ingestor daily --date 2026-11-20 --top 20")
    assert "{" not in command  # nothing is left to a template


def test_without_files_of_sources_the_daily_dag_is_coincaps_alone(bag):
    assert bag.dags["coincap_daily"].task_ids == ["land"]


def daily_with(monkeypatch, sources: str):
    """The daily DAG as it is loaded while the environment names these files."""
    import importlib

    monkeypatch.setenv("MILLRACE_SOURCES", sources)
    return importlib.reload(importlib.import_module("coincap_daily")).coincap_daily()


def test_each_file_of_a_source_is_a_task(bag, monkeypatch):
    dag = daily_with(monkeypatch, "/srv/my sets/binance/klines.yaml, /srv/usgs/earthquakes.yml,/srv/usgs/earthquakes.yml,")
    assert sorted(dag.task_ids) == ["fetch_binance_klines", "fetch_usgs_earthquakes", "land"]
    task = dag.get_task("fetch_binance_klines")
    assert {asset.uri for asset in task.outlets} == {"s3://lakehouse/bronze/binance/klines"}
    assert (task.pool, task.max_active_tis_per_dag, task.retries) == ("default_pool", 1, 8)
    assert not task.upstream_task_ids
    assert not task.downstream_task_ids
    logical_date = datetime(2026, 11, 20, tzinfo=timezone.utc)
    command = task.python_callable("/srv/my sets/binance/klines.yaml", {"date": None}, logical_date)
    assert command.endswith("ingestor fetch --source '/srv/my sets/binance/klines.yaml' --date 2026-11-20")


def test_a_file_of_a_source_has_its_whole_path(bag, monkeypatch):
    with pytest.raises(ValueError, match="write the whole path"):
        daily_with(monkeypatch, "datasets/binance/klines.yaml")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc)


@pytest.mark.parametrize(
    ("how", "params", "logical_date", "day"),
    [
        ("scheduled, backfilled or cleared", {"date": None}, at("2026-11-20T00:00:00+00:00"), "2026-11-20"),
        ("triggered in the UI, now", {"date": None}, at("2026-11-20T16:31:07+00:00"), "2026-11-20"),
        ("dags test with a date, or trigger -l", {"date": None}, at("2026-11-20T00:00:00+00:00"), "2026-11-20"),
        ("a zone ahead of UTC", {"date": None}, at("2026-11-20T01:00:00+02:00"), "2026-11-19"),
        ("triggered with a date alone", {"date": "2026-01-31"}, None, "2026-01-31"),
        ("the parameter wins", {"date": "2026-01-31"}, at("2026-11-20T00:00:00+00:00"), "2026-01-31"),
        ("params of before there was one", {}, at("2026-11-20T00:00:00+00:00"), "2026-11-20"),
    ],
)
def test_a_run_lands_the_day_it_was_asked_for(bag, how, params, logical_date, day):
    from lakehouse import day_to_land

    assert day_to_land(params, logical_date) == day, how


@pytest.mark.parametrize(
    ("params", "says"),
    [({"date": None}, "has no day to land"), ({}, "-l 2026-01-31"), ({"date": "soon"}, "'soon'"), ({"date": 7}, "7")],
)
def test_a_run_without_a_day_fails_and_is_not_tried_again(bag, params, says):
    from airflow.sdk.exceptions import AirflowFailException
    from lakehouse import day_to_land

    with pytest.raises(AirflowFailException, match=re.escape(says)):
        day_to_land(params, None)


@pytest.mark.parametrize(
    ("argv", "error"), [(["airflow", "dags", "test", "x"], SystemExit), (["airflow", "scheduler"], Exception)]
)
def test_a_green_run_without_a_task_says_so(bag, monkeypatch, argv, error):
    monkeypatch.setattr(sys, "argv", argv)
    assert set(bag.dags) == {"coincap_daily", "coincap_backfill", "gold_report", "lakehouse_rebuild"}
    for name, dag in bag.dags.items():
        with pytest.raises(error, match=rf"run manual__1 of {name} ran no task: .* first day, 2026-11-01\. .*backfill create"):
            dag.on_success_callback({"dag": dag, "run_id": "manual__1", "reason": "success"})
        dag.on_success_callback({"dag": dag, "run_id": "manual__1", "ti": object()})


def test_a_rebuild_writes_a_branch_proves_it_and_makes_it_main(bag):
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    dag = bag.dags["lakehouse_rebuild"]
    assert dag.max_active_runs == 1
    order = {t.task_id: t.downstream_task_ids for t in dag.tasks}
    assert order["rebuild"] == {"check"} and order["check"] == {"publish"} and order["publish"] == set()
    rebuild = dag.get_task("rebuild")
    assert isinstance(rebuild, SparkSubmitOperator)
    assert rebuild.retries == 1
    assert Path(rebuild.application).parts[-3:] == ("infra", "spark", "rebuild.py")
    assert Path(rebuild.properties_file).parts[-3:] == ("infra", "spark", "spark.properties")
    # Airflow keeps and shows them: no credential may be among them.
    assert set(rebuild.env_vars) == {"PATH", "PYSPARK_PYTHON", "PYTHONDONTWRITEBYTECODE"}


@pytest.mark.parametrize(
    ("params", "flags"),
    [
        ({"from": None, "to": None, "tables": []}, []),
        ({"from": "2026-01-01", "to": None, "tables": []}, ["--from", "2026-01-01"]),
        (
            {"from": "2026-01-01", "to": "2026-01-31", "tables": ["silver.asset_prices", "gold.daily_summary"]},
            ["--from", "2026-01-01", "--to", "2026-01-31", "--tables", "silver.asset_prices,gold.daily_summary"],
        ),
    ],
)
def test_a_rebuilds_days_and_tables_are_parameters(bag, params, flags):
    dag = bag.dags["lakehouse_rebuild"]
    command = dag.get_task("arguments").python_callable("a-branch", params)
    assert command[0] == "a-branch" and command[1] == "--reactor" and command[3:] == flags


def test_a_rebuilds_branch_is_the_runs_own_and_is_published_only_when_asked_for(bag):
    from airflow.sdk.exceptions import AirflowSkipException

    dag = bag.dags["lakehouse_rebuild"]
    name = dag.get_task("branch").python_callable
    assert name(run_id="manual__2026-11-20T00:00:00.1+00:00_xY2") == "spark-manual-2026-11-20T00-00-00-1-00-00-xY2"
    publish = dag.get_task("publish").python_callable
    assert publish("a-branch", {"publish": True}).endswith("reactor publish a-branch")
    with pytest.raises(AirflowSkipException, match="reactor publish a-branch"):
        publish("a-branch", {"publish": False})
    assert dag.get_task("check").python_callable("a-branch").endswith("reactor check --branch a-branch")


def test_the_date_is_a_parameter_that_may_be_missing(bag):
    from airflow.sdk.exceptions import ParamValidationError

    param = bag.dags["coincap_daily"].params.get_param("date")
    assert param.resolve() is None
    assert param.resolve("2026-11-20") == "2026-11-20"
    with pytest.raises((ParamValidationError, ValueError)):
        param.resolve("soon")


def test_the_report_waits_for_all_of_gold_whatever_its_tables_are(bag):
    dag = bag.dags["gold_report"]
    assets = {asset.uri for asset in dag.timetable.asset_condition.objects}
    assert assets == {"s3://lakehouse/gold"}
    assert dag.max_active_runs == 1


def test_the_tables_of_the_report_are_those_of_the_lake(bag, monkeypatch):
    import report

    listed = [
        {"table": "gold.weekly_high", "rows": 7976, "files": 1, "committed_at": "2026-01-31T00:00:07Z"},
        {"table": "silver.asset_prices", "rows": 1, "files": 1, "committed_at": "2026-01-31T00:00:07Z", "drift": None},
        {
            "table": "silver.asset_snapshots",
            "rows": 1,
            "files": 1,
            "committed_at": "2026-01-31T00:00:07Z",
            "drift": "priceUsd is gone, priceUSD is new, since bronze/coincap/assets/x.json",
        },
        {"table": "gold.empty", "rows": 0, "files": 0, "committed_at": None},
    ]
    asked = []
    monkeypatch.setattr(report, "run", lambda command, env: asked.append(command) or json.dumps(listed))
    tables = report.lake_tables({})
    assert asked == [["reactor", "tables", "--output", "json"]]
    text = report.markdown("2026-01-31", MARKET, [RANK], tables)
    assert "| gold.weekly_high | 7,976 | 2026-01-31T00:00:07Z |" in text
    assert "| gold.empty | 0 | never |" in text
    assert "| silver." not in text
    assert "* **silver.asset_snapshots**: priceUsd is gone, priceUSD is new, since bronze/coincap/assets/x.json" in text
    assert "otherwise than before" not in report.markdown("2026-01-31", MARKET, [RANK], [t for t in tables if not t.get("drift")])


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Bash command failed. The command returned a non-zero exit code 3.", "fail"),
        ("Bash command failed. The command returned a non-zero exit code 2.", "fail"),
        ("Bash command failed. The command returned a non-zero exit code 1.", "default"),
        ("Bash command failed. The command returned a non-zero exit code 137.", "default"),
        ("Bash command failed. The command returned a non-zero exit code 30.", "default"),
        ("Timed out", "default"),
    ],
)
def test_exit_codes_that_no_retry_mends_fail_at_once(bag, text, action):
    from lakehouse import ExitCodePolicy

    decision = ExitCodePolicy().evaluate(RuntimeError(text), try_number=1, max_tries=8)
    assert decision.action.value == action
    assert (decision.reason is not None) == (action == "fail")


def test_the_report_reads_well(bag):
    import report

    text = report.markdown("2026-01-31", MARKET, [RANK])
    assert "# The market on 2026-01-31" in text
    assert "**3,000 bn USD**" in text
    assert "| 1 (+2) | bitcoin | 100,000 | +1.2 % |  | +50.0 % | -10.0 % | 60.0 % |" in text


def test_the_same_rows_give_the_same_chart(bag):
    import report

    closes = [{"asset_id": "bitcoin", "day": f"2026-01-{d:02}", "close": 100.0 + d} for d in range(1, 11)]
    first = report.chart(closes, ["bitcoin"])
    assert first == report.chart(closes, ["bitcoin"])
    assert b"<svg" in first and b"bitcoin" in first

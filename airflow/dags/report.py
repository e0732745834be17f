"""The report of a day of gold: what it says, its chart, and its place in object storage.

Imported by tasks only, because matplotlib and boto3 take a second to load. Gold is read by `reactor query`, with the
credentials of the role `reporter`, who may read everything and put into reports/.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from datetime import date, timedelta

from lakehouse import BUCKET, program

PREFIX = "reports/gold"
CHART_DAYS = 90
CHART_ASSETS = 5


def environment() -> dict[str, str]:
    """The environment of the role reporter: given as MILLRACE_REPORTER_*, or else that of the local stack."""
    env = dict(os.environ)
    if key := env.get("MILLRACE_REPORTER_ACCESS_KEY"):
        secret = env["MILLRACE_REPORTER_SECRET_KEY"]
        env |= {"MILLRACE_S3_ACCESS_KEY": key, "MILLRACE_S3_SECRET_KEY": secret}
        return env
    exports = run(["stack", "env", "--role", "reporter"], env)
    for line in shlex.split(exports, comments=True):
        name, equals, value = line.partition("=")
        if equals:
            env[name] = value
    return env


def run(command: list[str], env: dict[str, str]) -> str:
    """Run a program of the project and return what it printed; its own words are the error."""
    done = subprocess.run([program(command[0]), *command[1:]], env=env, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command[:2])}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def query(sql: str, env: dict[str, str] | None = None) -> list[dict]:
    """Rows of gold. Decimals come as text, so that no digit is lost on the way."""
    return json.loads(run(["reactor", "query", sql, "--output", "json"], env or environment()))


def lake_tables(env: dict[str, str]) -> list[dict]:
    """The tables that the lake has, the user's own among them: name, rows, files, when each was committed, and its drift."""
    return json.loads(run(["reactor", "tables", "--output", "json"], env))


def newest_day() -> str:
    """Return the newest day that gold has."""
    newest = query("select max(day)::varchar as day from gold.daily_summary")[0]["day"]
    if newest is None:
        raise ValueError("gold is empty: nothing has arrived in bronze yet")
    return newest


def audit(day: str) -> None:
    """Fail with the rows that break an audit of gold on this day."""
    run(["reactor", "audit", "--from", day, "--to", day], environment())


def write(day: str) -> str:
    """Put the report of a day and its chart into object storage; return the report's key."""
    date.fromisoformat(day)  # it becomes a part of SQL and of a key
    env = environment()
    market = query(f"select * from gold.market_summary where day = date '{day}'", env)
    if not market:
        raise ValueError(f"gold has no market of {day}")
    ranks = query(
        f"""select r.rank, r.rank_change_1d, r.asset_id, d.close::double as close, a.return_1d, a.return_7d,
            a.volatility_30d, a.drawdown, r.dominance_pct
        from gold.rankings as r
        join gold.daily_summary as d using (asset_id, day)
        join gold.rolling_averages as a using (asset_id, day)
        where day = date '{day}' order by r.rank limit 20""",
        env,
    )
    closes = query(
        f"""select asset_id, day::varchar as day, close::double as close from gold.daily_summary
        where day between date '{date.fromisoformat(day) - timedelta(days=CHART_DAYS - 1)}' and date '{day}'
            and asset_id in (select asset_id from gold.rankings where day = date '{day}' order by rank limit {CHART_ASSETS})
        order by day""",
        env,
    )
    key = f"{PREFIX}/{day}/report.md"
    put(f"{PREFIX}/{day}/chart.svg", chart(closes, [r["asset_id"] for r in ranks]), "image/svg+xml", env)
    tables = lake_tables(env)
    put(key, markdown(day, market[0], ranks, tables).encode(), "text/markdown; charset=utf-8", env)
    return key


def markdown(day: str, market: dict, ranks: list[dict], tables: Sequence[dict] = ()) -> str:
    """Write the report's text: the market of the day, what changed in what comes in, and the tables of gold as they are now."""
    lines = [f"# The market on {day}", ""]
    if market["total_market_cap_usd"] is None:
        lines.append(f"{market['n_assets']} assets; their history tells no market capitalisation.")
    else:
        total, volume = float(market["total_market_cap_usd"]), float(market["total_volume_usd"] or 0)
        lines.append(
            f"{market['n_assets']} assets are worth **{total / 1e9:,.0f} bn USD**; {volume / 1e9:,.1f} bn USD changed hands. "
            f"The concentration index is {market['hhi']:,.0f} of 10,000."
        )
    if market["top_gainer"]:
        lines.append(
            f"{market['advancers']} rose and {market['decliners']} fell since the day before; "
            f"most of all {market['top_gainer']}, least {market['top_loser']}."
        )
    lines += [
        "",
        "![Closes of the largest assets](chart.svg)",
        "",
        "| rank | asset | close, USD | 1 day | 7 days | volatility, year | below the year's high | share |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for r in ranks:
        change = {None: "", 0: ""}.get(r["rank_change_1d"], f" ({r['rank_change_1d'] or 0:+d})")
        cells = [f"{r['rank']}{change}", r["asset_id"], f"{r['close']:,.6g}"]
        cells += [percent(r[c]) for c in ("return_1d", "return_7d", "volatility_30d", "drawdown")]
        cells.append("" if r["dominance_pct"] is None else f"{r['dominance_pct']:.1f} %")
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Every number is a row of gold; a window that is not complete is left blank.", ""]
    if drifts := [t for t in tables if t.get("drift")]:
        lines += ["## What came in looks otherwise than before", ""]
        lines += [f"* **{t['table']}**: {t['drift']}" for t in drifts]
        lines += ["", "Prices of such days may be missing: the field that is gone is null.", ""]
    if gold := [t for t in tables if t["table"].startswith("gold.")]:
        lines += ["## The tables of gold", "", "| table | rows | last committed |", "|---|---:|---|"]
        lines += [f"| {t['table']} | {t['rows']:,} | {t['committed_at'] or 'never'} |" for t in gold]
        lines.append("")
    return "\n".join(lines)


def percent(share: float | None) -> str:
    """Write a share, or nothing where there is none."""
    return "" if share is None else f"{100 * share:+.1f} %"


def chart(closes: list[dict], order: list[str]) -> bytes:
    """Draw closes as SVG, each asset's first one as 100. The same rows give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.dates as mdates
    import matplotlib.pyplot as plt

    with mpl.rc_context({"svg.hashsalt": "gold_report", "svg.fonttype": "none"}):
        figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
        for asset in order[:CHART_ASSETS]:
            points = [(date.fromisoformat(c["day"]), c["close"]) for c in closes if c["asset_id"] == asset and c["close"]]
            if points:
                axes.plot([d for d, _ in points], [100 * price / points[0][1] for _, price in points], label=asset)
        axes.set_ylabel("close, first day = 100")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
        plt.close(figure)
    return out.getvalue()


def put(key: str, body: bytes, content_type: str, env: dict[str, str]) -> None:
    """Put an object."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=env["MILLRACE_S3_ENDPOINT"],
        aws_access_key_id=env["MILLRACE_S3_ACCESS_KEY"],
        aws_secret_access_key=env["MILLRACE_S3_SECRET_KEY"],
        region_name=env.get("MILLRACE_S3_REGION", "us-east-1"),
    )
    client.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType=content_type)

"""Computes the four gold tables, by docs/tables.md, in whole numbers of the last decimal and fractions of them.

A cell is an exact value, or a `Double`: the exact value that a double of the lake must come near.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from .silver import Row, Table

KEYS = {
    "gold.daily_summary": ("asset_id", "day"),
    "gold.rolling_averages": ("asset_id", "day"),
    "gold.rankings": ("asset_id", "day"),
    "gold.market_summary": ("day",),
}
SECONDS = {"m": 60, "h": 3600, "d": 86400}
PRICE, AMOUNT = 10**28, 10**18
LOGS = Context(prec=60)


@dataclass(frozen=True)
class Double:
    """An exact value that is shown as a double, and what it may be off besides its own 10^-12."""

    value: Fraction | Decimal
    off: float = 0.0


def units(value: Decimal, scale: int) -> int:
    """A decimal as a whole number of its last digit."""
    return int(value.scaleb(28 if scale == PRICE else 18, context=Context(prec=100)))


def daily_summary(snapshots: Table, prices: Table) -> Table:
    """An asset's day: of its snapshots if there are any with a price, else of the finest history."""
    groups: dict[tuple[str, date], dict[tuple[int, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in snapshots.values():
        if row["price_usd"] is not None:
            groups[row["asset_id"], row["observed_at"].date()][0, ""].append(row)
    for row in prices.values():
        interval = row["interval"]
        groups[row["asset_id"], row["observed_at"].date()][SECONDS[interval[0]] * int(interval[1:]), interval].append(row)
    out = {}
    for (asset, day), by_interval in groups.items():
        finest = min(by_interval)
        samples = sorted(by_interval[finest], key=lambda r: (r["observed_at"], r["source_key"]))
        values = [r["price_usd"] for r in samples]
        last = samples[-1]
        out[asset, day] = {
            "asset_id": asset,
            "day": day,
            "open": values[0],
            "high": max(values),
            "low": min(values),
            "close": values[-1],
            "avg_price": Double(Fraction(sum(units(v, PRICE) for v in values), PRICE * len(values))),
            "market_cap_usd": last.get("market_cap_usd"),
            "volume_usd_24h": last.get("volume_usd_24h"),
            "n_samples": len(samples),
            "first_observed_at": samples[0]["observed_at"],
            "last_observed_at": last["observed_at"],
            "source": "history" if finest[0] else "snapshot",
        }
    return out


def days_before(day: date, n: int) -> date:
    """The day n days before."""
    return day - timedelta(days=n)


class Closes:
    """The closes of one asset by day, as whole numbers of the 28th decimal, and what windows of them give."""

    def __init__(self, rows: list[Row]) -> None:
        self.by_day = {row["day"].toordinal(): units(row["close"], PRICE) for row in rows}
        self.logs: dict[int, Decimal] = {}
        for day, close in self.by_day.items():
            before = self.by_day.get(day - 1)
            if before and close:
                self.logs[day] = LOGS.ln(LOGS.divide(Decimal(close), Decimal(before)))

    def window(self, day: int, n: int) -> list[int]:
        """The closes of the n days up to this one that are there."""
        return [self.by_day[d] for d in range(day - n + 1, day + 1) if d in self.by_day]

    def change(self, day: int, n: int) -> Double | None:
        """The change since n days before, null when that day is missing or was 0."""
        before = self.by_day.get(day - n)
        return Double(Fraction(self.by_day[day] - before, before)) if before else None

    def volatility(self, day: int) -> Double | None:
        """The deviation of 30 log returns to a year, null unless all are there."""
        logs = [self.logs[d] for d in range(day - 29, day + 1) if d in self.logs]
        if len(logs) < 30:
            return None
        mean = sum(logs, Decimal(0)) / 30
        squares = sum(((x - mean) ** 2 for x in logs), Decimal(0))
        year = LOGS.sqrt(Decimal(365))
        # Where 30 returns are nearly the same, their deviation has the last digits of theirs.
        return Double(LOGS.multiply(LOGS.sqrt(squares / 29), year), off=float(max(abs(x) for x in logs) * year) * 1e-14)

    def drawdown(self, day: int) -> Double | None:
        """The distance from the highest close of 365 days."""
        highest = max(self.window(day, 365))
        return Double(Fraction(self.by_day[day] - highest, highest)) if highest else None


def rolling_averages(daily: Table) -> Table:
    """Averages, returns, volatility and drawdown over calendar days."""
    by_asset: dict[str, list[Row]] = defaultdict(list)
    for row in daily.values():
        by_asset[row["asset_id"]].append(row)
    out = {}
    for asset, rows in by_asset.items():
        closes = Closes(rows)
        for day in closes.by_day:
            row: Row = {"asset_id": asset, "day": date.fromordinal(day)}
            for n in (7, 30, 90):
                window = closes.window(day, n)
                row[f"sma_{n}"] = Double(Fraction(sum(window), n * PRICE)) if len(window) == n else None
                row[f"n_obs_{n}"] = len(window)
            for n in (1, 7, 30):
                row[f"return_{n}d"] = closes.change(day, n)
            row["volatility_30d"] = closes.volatility(day)
            row["drawdown"] = closes.drawdown(day)
            out[asset, row["day"]] = row
    return out


def by_day(daily: Table) -> dict[date, list[Row]]:
    """The rows of each day."""
    out: dict[date, list[Row]] = defaultdict(list)
    for row in daily.values():
        out[row["day"]].append(row)
    return out


def cap(row: Row) -> int | None:
    """A market cap as a whole number of the 18th decimal."""
    return None if row["market_cap_usd"] is None else units(row["market_cap_usd"], AMOUNT)


def rankings(daily: Table) -> Table:
    """The assets of each day by market cap: those without one last, ties by asset_id."""
    out = {}
    for day, rows in by_day(daily).items():
        ordered = sorted(rows, key=lambda r: (cap(r) is None, -(cap(r) or 0), r["asset_id"]))
        total = sum(cap(r) or 0 for r in ordered)
        above = 0
        for place, row in enumerate(ordered, 1):
            own = cap(row)
            above += own or 0
            share = own is not None and total > 0
            out[row["asset_id"], day] = {
                "asset_id": row["asset_id"],
                "day": day,
                "rank": place,
                "market_cap_usd": row["market_cap_usd"],
                "dominance_pct": Double(Fraction(100 * (own or 0), total)) if share else None,
                "cumulative_pct": Double(Fraction(100 * above, total)) if share else None,
            }
    for (asset, day), row in out.items():
        for n in (1, 7):
            before = out.get((asset, days_before(day, n)))
            both = before is not None and before["market_cap_usd"] is not None and row["market_cap_usd"] is not None
            row[f"rank_change_{n}d"] = before["rank"] - row["rank"] if both else None
    return out


def market_summary(daily: Table) -> Table:
    """The covered market of each day: size, concentration, breadth, and who gained and lost most."""
    out = {}
    for day, rows in by_day(daily).items():
        caps = [own for own in map(cap, rows) if own is not None]
        volumes = [units(r["volume_usd_24h"], AMOUNT) for r in rows if r["volume_usd_24h"] is not None]
        total = sum(caps)
        moves = []
        for row in rows:
            before = daily.get((row["asset_id"], days_before(day, 1)))
            if before is not None:
                moves.append((units(row["close"], PRICE), units(before["close"], PRICE), row["asset_id"]))
        changes = [(Fraction(close - before, before), asset) for close, before, asset in moves if before]
        out[day,] = {
            "day": day,
            "n_assets": len(rows),
            "total_market_cap_usd": total_of(caps),
            "total_volume_usd": total_of(volumes),
            "hhi": Double(Fraction(10000 * sum(own * own for own in caps), total * total)) if total else None,
            "advancers": sum(close > before for close, before, _ in moves),
            "decliners": sum(close < before for close, before, _ in moves),
            "top_gainer": min(changes, key=lambda c: (-c[0], c[1]))[1] if changes else None,
            "top_loser": min(changes)[1] if changes else None,
        }
    return out


def total_of(amounts: list[int]) -> Decimal | None:
    """The sum as a decimal, null of nothing."""
    return Decimal(sum(amounts)).scaleb(-18, context=Context(prec=100)) if amounts else None


def tables(silver: dict[str, Table]) -> dict[str, Table]:
    """All four by key."""
    daily = daily_summary(silver["silver.asset_snapshots"], silver["silver.asset_prices"])
    with localcontext(LOGS):
        return {
            "gold.daily_summary": daily,
            "gold.rolling_averages": rolling_averages(daily),
            "gold.rankings": rankings(daily),
            "gold.market_summary": market_summary(daily),
        }

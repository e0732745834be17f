"""Makes bronze of made-up prices that are as dirty as real ones, the same for the same seed.

Prices reach from 10^-28 to 10^5, with 16 to 33 decimals, exponents and bare numbers among them. Some assets appear, vanish and
come back; some are pegged to another one, digit for digit or by a factor, so that their returns tie; some stand at 1 but for
the last digits. Days are missing, are fetched again with other values, have several snapshots or several intervals. Rows come
twice, or are refused, and some objects cannot be read at all.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from .market import ASSETS, Asset, Market, scaled


class Objects:
    """Writes objects into a folder, and a line for each into objects.jsonl."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, []
        (folder / "objects").mkdir(parents=True, exist_ok=True)

    def put(self, key: str, body: str | bytes, **meta: str) -> None:
        """Adds an object."""
        content = body.encode() if isinstance(body, str) else body
        file = f"objects/{len(self.lines)}"
        (self.folder / file).write_bytes(gzip.compress(content, mtime=0) if key.endswith(".gz") else content)
        self.lines.append({"key": key, "file": file, "meta": {name.replace("_", "-"): value for name, value in meta.items()}})

    def finish(self, random: random.Random) -> int:
        """Writes the list: roughly in the order of time, with stragglers."""
        late = [random.randint(0, len(self.lines)) if random.random() < 0.1 else 0 for _ in self.lines]
        order = sorted(range(len(self.lines)), key=lambda n: n + late[n])
        (self.folder / "objects.jsonl").write_text("".join(json.dumps(self.lines[n]) + "\n" for n in order))
        return len(self.lines)


def key(dataset: str, day: date, name: str) -> str:
    """An object's key."""
    return f"bronze/coincap/{dataset}/ingest_date={day.isoformat()}/{name}"


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return round(at.timestamp() * 1000)


def asset_row(m: Market, asset: Asset, day: date) -> str:
    """An element of /assets."""
    r = m.random
    price = m.near(asset.slug, day)
    fields: dict[str, str] = {"id": json.dumps(asset.slug), "rank": f'"{r.randint(1, 30)}"'}
    fields["symbol"] = json.dumps(asset.slug[:4].upper())
    name = json.dumps(asset.slug.title(), ensure_ascii=False)
    fields["name"] = r.choice((name, name, name, name, '"Café € 😀"', "null", "7"))
    supply = Decimal(r.randint(1, 10**12)).scaleb(-3)
    fields["supply"] = m.shown(supply)
    fields["maxSupply"] = "null" if r.random() < 0.5 else m.shown(supply * 2)
    if asset.cap == "some":
        cap = scaled(min(price * supply, Decimal(10**14)), r.choice((16, 18, 20, 24)))
        fields["marketCapUsd"] = "null" if r.random() < 0.05 else m.shown(cap)
    elif asset.cap != "none":
        fields["marketCapUsd"] = '"1234567890.123456789012345678"' if asset.cap == "tie" else '"0.00"'
    if r.random() < 0.95:
        fields["volumeUsd24Hr"] = m.shown(Decimal(r.randint(0, 10**15)).scaleb(-6))
    fields["priceUsd"] = m.shown(price) if r.random() < 0.97 else "null"
    fields["changePercent24Hr"] = m.shown(Decimal(r.randint(-(10**9), 10**9)).scaleb(-r.choice((7, 19, 21))))
    fields["vwap24Hr"] = m.shown(price) if r.random() < 0.7 else "null"
    if r.random() < 0.3:
        fields["explorer"] = '"https://example.org/a b"'
    if r.random() < 0.2:
        fields["tokens"] = r.choice(('{"1": ["0xAb", "0xCd"], "56": []}', "{}", '{"1":"0x12"}', '{"1": 5}', "null"))
    if r.random() < 0.05:
        fields["later"] = r.choice(('{"b": 1.50, "a": [1, "x  y"]}', "1e400", '"é"', "null"))
    return broken(m, fields) if r.random() < 0.01 else row_of(m, fields)


def row_of(m: Market, fields: dict[str, str]) -> str:
    """The row as text, now and then with white space."""
    colon, comma = (": ", ", ") if m.random.random() < 0.1 else (":", ",")
    return "{" + comma.join(json.dumps(name) + colon + value for name, value in fields.items()) + "}"


def broken(m: Market, fields: dict[str, str]) -> str:
    """A row that must be refused."""
    name, value = m.random.choice(
        (
            ("priceUsd", '"-1"'),
            ("priceUsd", '""'),
            ("priceUsd", '"NaN"'),
            ("priceUsd", '"10000000000"'),
            ("marketCapUsd", '"1e15"'),
            ("supply", "true"),
            ("changePercent24Hr", '"1e20"'),
            ("rank", '"1.5"'),
            ("id", '""'),
            ("id", "5"),
            ("vwap24Hr", '"1,000"'),
        )
    )
    fields[name] = value
    return m.random.choice((row_of(m, fields), row_of(m, fields), "5", "null", '{"id":"x","id":"x"}'))


def snapshots(m: Market, out: Objects, day: date) -> None:
    """The day's answers of /assets: none, one or several, and some of the day before again."""
    r = m.random
    for n in range(r.choice((0, 1, 1, 1, 2, 3))):
        random_time = timedelta(hours=r.randint(0, 23), milliseconds=r.randint(0, 999))
        at = midnights([day])[0] + r.choice(
            (timedelta(0), timedelta(hours=5), timedelta(days=1) - timedelta(milliseconds=1), random_time)
        )
        rows = [asset_row(m, a, day) for a in m.there(day)]
        if r.random() < 0.1:
            rows.append(asset_row(m, r.choice(m.there(day)), day))  # one asset twice: the later row wins
        stamp = r.choice((str(milliseconds(at)), f'"{milliseconds(at)}"', f"{milliseconds(at)}.25"))
        envelope = r.choice(('{{"timestamp":{t},"data":[{d}]}}', '{{"data": [ {d} ],\n "timestamp": {t}, "more": {{}} }}'))
        body = envelope.format(t=stamp, d=r.choice((",", ",\n")).join(rows))
        form = r.random()
        if form < 0.05:
            line = [row[:-1] + f',"timestamp":{stamp}}}' for row in rows if row.startswith("{") and row.count('"id"') == 1]
            out.put(key("assets", day, f"{day}-{n}.ndjson"), "\n".join(line) + "\n\n")
        elif form < 0.1:
            out.put(key("assets", day, f"{day}-{n}.json.gz"), body)
        elif form < 0.12:
            out.put(key("assets", day, f"{day}-{n}.json"), body[: len(body) // 2])  # cut off: a dead letter, put once more below
            out.put(key("assets", day, f"{day}-{n}.json"), body)
        else:
            out.put(key("assets", day, f"{day}-{n}.json"), body)
        if r.random() < 0.05:  # the same moment, fetched again with other values
            again = [asset_row(m, a, day) for a in r.sample(m.there(day), len(m.there(day)) // 2)]
            out.put(key("assets", day, f"{day}-{n}-again.json"), f'{{"timestamp":{milliseconds(at)},"data":[{",".join(again)}]}}')


def point_row(m: Market, slug: str, at: datetime) -> str:
    """A point of a history."""
    r = m.random
    fields = {"priceUsd": m.shown(m.near(slug, at.date())), "time": str(milliseconds(at))}
    fields["date"] = f'"{at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}"'
    if r.random() < 0.05:
        fields["circulatingSupply"] = m.shown(Decimal(r.randint(1, 10**12)).scaleb(-4))
    if r.random() < 0.05:
        del fields[r.choice(("time", "date"))]
    if r.random() < 0.005:
        name, value = r.choice((("priceUsd", "null"), ("priceUsd", '"1e10"'), ("date", '"2001-01-01"'), ("priceUsd", "[]")))
        fields = {"priceUsd": '"1"', "time": str(milliseconds(at))} | {name: value}
    return row_of(m, fields)


def history(m: Market, out: Objects, what: tuple[str, str], moments: list[datetime], name: str) -> None:
    """One answer of /assets/{slug}/history, whose asset and interval metadata says, or its name."""
    slug, interval = what
    rows = [point_row(m, slug, at) for at in moments if (slug, at.date()) in m.prices]
    if rows and m.random.random() < 0.1:
        rows.append(rows[0])
    body = f'{{"data":[{",".join(rows)}],"timestamp":1}}' if m.random.random() < 0.8 else f"[{','.join(rows)}]"
    file = key("history", moments[-1].date(), f"{slug}_{interval}_{name}.json")
    if m.random.random() < 0.5:
        out.put(file, body)
    else:
        out.put(file, body, asset_id=slug, interval=interval)


def midnights(days: list[date]) -> list[datetime]:
    """Their first moments."""
    return [datetime.combine(day, datetime.min.time(), timezone.utc) for day in days]


def histories(m: Market, out: Objects) -> Iterator[None]:
    """Daily points of each half year with holes, some weeks again with other values, and finer intervals on some days."""
    r = m.random
    for begin in range(0, len(m.days), 180):
        part = m.days[begin : begin + 180]
        for asset in ASSETS:
            kept = [day for day in part if r.random() < 0.97]
            history(m, out, (asset.slug, "d1"), midnights(kept), f"{part[0]}")
            if r.random() < 0.4:
                week = r.randrange(len(part))
                history(m, out, (asset.slug, "d1"), midnights(part[week : week + 7]), f"{part[0]}-again")
            for interval, step in (("h1", 60), ("m15", 15), ("h6", 360), ("h12", 720)):
                if r.random() < 0.15:
                    first = midnights([r.choice(part)])[0]
                    history(
                        m, out, (asset.slug, interval), [first + timedelta(minutes=step * k) for k in range(30)], f"{part[0]}"
                    )
        yield


def unreadable(m: Market, out: Objects) -> None:
    """Answers of which nothing can be made."""
    for n, body in enumerate(('{"error":"quota"}', "<html>", '{"data":null}', '{"data":{},"timestamp":1}', '[{"id":"a"', "")):
        out.put(key("assets", m.days[0], f"unreadable-{n}.json"), body)
    out.put(key("history", m.days[0], "nameless.json"), '{"data":[{"priceUsd":"1","time":1751241600000}]}')


def generate(folder: Path, days: int, seed: int) -> int:
    """Writes bronze of so many days, and returns the number of objects."""
    m, out = Market(days, seed), Objects(folder)
    unreadable(m, out)
    parts = histories(m, out)
    for n, day in enumerate(m.days):
        if n % 180 == 0:
            next(parts)
        if n >= len(m.days) // 5:  # the first years have history alone
            snapshots(m, out, day)
    return out.finish(m.random)

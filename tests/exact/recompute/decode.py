"""Decodes the bytes of one object, by docs/input.md, as far as the objects of `generate` and recorded responses need it."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EARLIEST = datetime(2009, 1, 3, tzinfo=timezone.utc)
EXACT = Context(prec=200)
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\s+', re.DOTALL)
INTERVALS = ("m1", "m5", "m15", "m30", "h1", "h2", "h6", "h12", "d1")


@dataclass(frozen=True)
class Column:
    """A column of silver: which field of the API it is, and what it takes."""

    name: str
    field: str
    kind: str  # price, amount, whole, text, lists
    below: int | None = None  # power of ten
    signed: bool = False
    required: bool = False


ASSETS = (
    Column("rank", "rank", "whole"),
    Column("symbol", "symbol", "text"),
    Column("name", "name", "text"),
    Column("supply", "supply", "amount"),
    Column("max_supply", "maxSupply", "amount"),
    Column("market_cap_usd", "marketCapUsd", "amount", below=15),
    Column("volume_usd_24h", "volumeUsd24Hr", "amount", below=15),
    Column("price_usd", "priceUsd", "price", below=10),
    Column("change_percent_24h", "changePercent24Hr", "amount", signed=True),
    Column("vwap_24h", "vwap24Hr", "price", below=10),
    Column("explorer", "explorer", "text"),
    Column("tokens", "tokens", "lists"),
)
HISTORY = (
    Column("price_usd", "priceUsd", "price", below=10, required=True),
    Column("circulating_supply", "circulatingSupply", "amount"),
)
DECIMALS = {"price": 28, "amount": 18}


class Number(str):
    """A JSON number, as its digits came."""

    __slots__ = ()


class Unreadable(Exception):
    """The object is a dead letter."""


class Refused(Exception):
    """A row is refused: the API's name of the field, and words that the reason has."""

    def __init__(self, field: str | None, says: str) -> None:
        super().__init__(field, says)
        self.field, self.says = field, says


class Pairs(list):
    """A JSON object as its members came, names that are there twice included."""


DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)


@dataclass
class Object:
    """One object version in bronze."""

    key: str
    version: str
    modified: datetime
    meta: dict[str, str]
    body: bytes

    @property
    def dataset(self) -> str:
        """<source>/<dataset> of the key."""
        return "/".join(self.key.split("/")[1:3])

    def lineage(self, row: int) -> dict[str, Any]:
        """The columns that say which row of which object a row is."""
        day = self.key.split("ingest_date=")[1][:10] if "ingest_date=" in self.key else self.modified.date().isoformat()
        return {
            "source_key": self.key,
            "source_version": self.version,
            "source_row": row,
            "source_modified_at": self.modified,
            "ingest_date": day,
        }


def rows(o: Object) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The object's rows and its refused rows."""
    good, refused = [], []
    texts = elements(o)
    nowhere(o, texts)
    for position, (text, envelope) in enumerate(texts):
        try:
            columns = asset(o, text, envelope) if o.dataset == "coincap/assets" else point(o, text)
            good.append(columns | o.lineage(position))
        except Refused as why:
            refused.append(o.lineage(position) | {"dataset": o.dataset, "field": why.field, "says": why.says, "raw": text})
    return good, refused


def elements(o: Object) -> list[tuple[str, dict[str, str]]]:
    """The texts of the object's rows, each with the members of its envelope."""
    body = gzip.decompress(o.body) if o.key.endswith(".gz") else o.body
    text = body.decode("utf-8-sig")
    if o.key.removesuffix(".gz").endswith(".ndjson"):
        lines = [line.strip() for line in text.split("\n")]
        return [element for line in lines if line for element in line_elements(line)]
    try:
        value, end = DECODER.raw_decode(text.strip())
    except json.JSONDecodeError as why:
        raise Unreadable(str(why)) from why
    text = text.strip()
    if end != len(text):
        raise Unreadable("more follows")
    if not isinstance(value, Pairs):
        return [(element, {}) for element in items(text)]
    envelope = dict(members(text))
    if "data" not in envelope:
        raise Unreadable("it has no data")
    data = envelope.pop("data")
    if data.startswith("{"):
        if '"id"' not in data:
            raise Unreadable("data is no list")
        return [(data, envelope)]
    if not data.startswith("["):
        raise Unreadable("data is no list")
    return [(element, envelope) for element in items(data)]


def nowhere(o: Object, texts: list[tuple[str, dict[str, str]]]) -> None:
    """A value that every row needs and none has makes the object a dead letter: better metadata could make all of them good."""
    needed = (("id",), ("timestamp",)) if o.dataset == "coincap/assets" else (("time", "date"),)
    have = {name for text, envelope in texts if text.startswith("{") for name in names(text) | envelope.keys()}
    for one_of in needed:
        if texts and not have & set(one_of):
            raise Unreadable(f"{one_of[0]} is nowhere")


def names(text: str) -> set[str]:
    """The names in a row, none when it is broken."""
    try:
        return {name for name, _ in members(text)}
    except (json.JSONDecodeError, IndexError):
        return set()


def line_elements(line: str) -> list[tuple[str, dict[str, str]]]:
    """A line is a row or an envelope."""
    try:
        value, end = DECODER.raw_decode(line)
    except json.JSONDecodeError:
        return [(line, {})]
    if isinstance(value, Pairs) and end == len(line) and any(name == "data" for name, _ in value):
        envelope = dict(members(line))
        data = envelope.pop("data")
        return [(element, envelope) for element in items(data)]
    return [(line, {})]


def items(text: str) -> list[str]:
    """The texts of a list's elements."""
    out, at = [], 1
    while True:
        at = skip(text, at)
        if text[at] == "]":
            return out
        _, end = DECODER.raw_decode(text, at)
        out.append(text[at:end])
        at = skip(text, end)
        if text[at] == ",":
            at += 1


def members(text: str) -> list[tuple[str, str]]:
    """The names and the values' texts of an object."""
    out, at = [], 1
    while True:
        at = skip(text, at)
        if text[at] == "}":
            return out
        name, end = DECODER.raw_decode(text, at)
        at = skip(text, end)
        at = skip(text, at + 1)  # the colon
        _, end = DECODER.raw_decode(text, at)
        out.append((name, text[at:end]))
        at = skip(text, end)
        if text[at] == ",":
            at += 1


def skip(text: str, at: int) -> int:
    """The next place that is no white space."""
    while text[at] in " \t\r\n":
        at += 1
    return at


def compact(text: str) -> str:
    """A value's text without white space between its tokens."""
    return TOKEN.sub(lambda m: "" if m[0].isspace() else m[0], text)


def fields(text: str) -> dict[str, str]:
    """A row's members by name."""
    try:
        value, end = DECODER.raw_decode(text)
    except json.JSONDecodeError as why:
        raise Refused(None, "") from why
    if not isinstance(value, Pairs) or end != len(text):
        raise Refused(None, "not an object")
    pairs = members(text)
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise Refused(name, "twice")
    return dict(pairs)


def asset(o: Object, text: str, envelope: dict[str, str]) -> dict[str, Any]:
    """One element of /assets."""
    row = fields(text)
    out: dict[str, Any] = {"asset_id": identity("id", row.pop("id", None))}
    when = row.pop("timestamp", None) or envelope.get("timestamp")
    out["observed_at"] = moment(o, "timestamp", when)
    return finish(out, row, ASSETS)


def point(o: Object, text: str) -> dict[str, Any]:
    """One element of /assets/{slug}/history."""
    row = fields(text)
    slug, interval = o.meta.get("asset-id"), o.meta.get("interval")
    parts = o.key.rsplit("/", 1)[1].split("_")
    if len(parts) > 2 and parts[1] in INTERVALS:
        slug, interval = slug or parts[0], interval or parts[1]
    if slug is None or interval not in INTERVALS:
        raise Unreadable("asset_id is nowhere")
    time, date = row.pop("time", None), row.pop("date", None)
    at = moment(o, "time" if time is not None else "date", time if time is not None else date)
    if time is not None and date is not None and moment(o, "date", date) != at:
        raise Refused("date", "")
    return finish({"asset_id": slug, "interval": interval, "observed_at": at}, row, HISTORY)


def finish(out: dict[str, Any], row: dict[str, str], columns: tuple[Column, ...]) -> dict[str, Any]:
    """Converts the fields; what is unknown, or does not fit a description or a number's decimals, goes to extra."""
    extra = {}
    known = {c.field for c in columns}
    for c in columns:
        raw = row.get(c.field)
        value = None if raw is None else DECODER.raw_decode(raw)[0]
        out[c.name], kept = convert(c, value)
        if kept:
            extra[c.field] = compact(raw or "")
    extra |= {name: compact(raw) for name, raw in row.items() if name not in known}
    out["extra"] = None
    if extra:
        out["extra"] = "{" + ",".join(json.dumps(name, ensure_ascii=False) + ":" + extra[name] for name in sorted(extra)) + "}"
    return out


def convert(c: Column, value: Any) -> tuple[Any, bool]:
    """A field's value, and whether extra must keep the original."""
    if value is None:
        if c.required:
            raise Refused(c.field, "")
        return None, False
    if c.kind == "text":
        plain = isinstance(value, str) and not isinstance(value, Number) and "\0" not in value
        return (value, False) if plain else (None, True)
    if c.kind == "lists":
        return lists(value)
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        raise Refused(c.field, "not a number")
    number = EXACT.create_decimal(value)
    if number < 0 and not c.signed:
        raise Refused(c.field, "negative")
    if c.kind == "whole":
        if number != number.to_integral_value() or number >= 2**31:
            raise Refused(c.field, "whole number" if number != number.to_integral_value() else "")
        return int(number), False
    if c.below and number >= 10**c.below:
        raise Refused(c.field, "beyond reason")
    if abs(number) >= 10**20:
        raise Refused(c.field, "does not fit")
    scale = DECIMALS[c.kind]
    rounded = number.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_EVEN, context=EXACT)
    return EXACT.add(rounded, Decimal(0)), rounded != number  # -0 becomes 0


def lists(value: Any) -> tuple[Any, bool]:
    """Contract addresses: strings, or lists of strings, by chain."""
    if not isinstance(value, Pairs) or len({name for name, _ in value}) != len(value):
        return None, True
    out = {}
    for name, addresses in value:
        several = [addresses] if isinstance(addresses, str) and not isinstance(addresses, Number) else addresses
        if not isinstance(several, list) or not all(isinstance(a, str) and not isinstance(a, Number) for a in several):
            return None, True
        out[name] = list(several)
    return out, False


def identity(field: str, raw: str | None) -> str:
    """A key that is a text."""
    if raw is None:
        raise Refused(field, "missing")
    value = DECODER.raw_decode(raw)[0]
    if not isinstance(value, str) or isinstance(value, Number) or not value or "\0" in value or len(value.encode()) > 256:
        raise Refused(field, "")
    return value


def moment(o: Object, field: str, raw: str | None) -> datetime:
    """A time: milliseconds since 1970, or a text that is one moment."""
    value = None if raw is None else DECODER.raw_decode(raw)[0]
    if not isinstance(value, str):
        raise Refused(field, "")
    if NUMBER.fullmatch(value):
        at = EPOCH + timedelta(microseconds=int(EXACT.create_decimal(value) * 1000))
    else:
        try:
            at = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as why:
            raise Refused(field, "") from why
        at = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)
    if not EARLIEST <= at <= o.modified + timedelta(hours=24):
        raise Refused(field, "")
    return at

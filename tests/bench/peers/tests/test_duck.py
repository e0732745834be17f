from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from peers import compare, tables
from peers.duck.engine import DAILY, GOLD, PRICES, SNAPSHOTS, Engine
from peers.duck.s3 import Connection, Fetched, Signer, Version
from peers.iceberg import daily, silver
from peers.iceberg.rankings import market, rankings
from peers.iceberg.rolling import rolling
from peers.settings import Settings

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.timezone.utc)
FOLDER = "bronze/coincap/assets/ingest_date=2026-11-24/"


def fetched(name: str, body: object, modified: str = "2026-11-24T12:00:00.001Z") -> Fetched:
    return [(Version(name, "v", modified), json.dumps(body).encode())]


def snapshot(at: dt.datetime = NOON, **assets: dict[str, object]) -> dict[str, object]:
    return {"timestamp": int(at.timestamp() * 1000), "data": [{"id": name, **row} for name, row in assets.items()]}


@pytest.fixture
def engine() -> Engine:
    return Engine()


def rows(engine: Engine, name: str) -> list[dict[str, object]]:
    return engine.rows(name).to_pylist()


def test_numbers_round_half_even_and_the_text_of_the_rounded_is_kept(engine: Engine) -> None:
    texts = {
        "supply": "0.0000000000000000005", "maxSupply": "-0.00000000000000000150", "marketCapUsd": "7",
        "volumeUsd24Hr": "1.00000000000000000051", "priceUsd": "0.00000000000000000000000000025",
        "changePercent24Hr": "1.5000000000000000000", "vwap24Hr": None,
    }  # fmt: skip
    engine.take(SNAPSHOTS, fetched(FOLDER + "a.json", snapshot(a=texts)))
    (row,) = rows(engine, SNAPSHOTS)
    assert [row[c] for c in ("supply", "max_supply", "market_cap_usd", "volume_usd_24h", "change_percent_24h", "vwap_24h")] == [
        Decimal("0E-18"), Decimal("-0.000000000000000002"), Decimal("7"), Decimal("1.000000000000000001"), Decimal("1.5"), None,
    ]  # fmt: skip
    assert row["price_usd"] == Decimal("0.0000000000000000000000000002")
    assert json.loads(str(row["extra"])) == {n: texts[n] for n in ("maxSupply", "priceUsd", "supply", "volumeUsd24Hr")}
    assert list(json.loads(str(row["extra"]))) == ["maxSupply", "priceUsd", "supply", "volumeUsd24Hr"]


def test_it_decodes_what_the_peer_of_columns_decodes(engine: Engine) -> None:
    body = snapshot(
        a={"rank": "1", "priceUsd": "1.5", "tokens": {"2": ["y", "z"], "1": "x"}, "changePercent24Hr": "0.1234567890123456789"},
        b={"rank": None, "priceUsd": None, "tokens": {}, "explorer": 'https://a/"b"'},
        c={"name": "é", "symbol": "C"},
    )
    objects = fetched(FOLDER + "a.json", body)
    engine.take(SNAPSHOTS, objects)
    schema = tables.schema_of(SNAPSHOTS).as_arrow()
    version = silver.Version(objects[0][0].key, "v", dt.datetime(2026, 11, 24, 12, 0, 0, 1000, dt.timezone.utc))
    expected = silver.shaped(silver.snapshots([(version, objects[0][1])]), schema)
    verdict = compare.compare(SNAPSHOTS, expected, engine.rows(SNAPSHOTS).select(schema.names).cast(schema))
    assert verdict.equal, verdict.why


def test_history_is_named_by_its_key(engine: Engine) -> None:
    points = {"data": [{"priceUsd": "1.5", "time": int(NOON.timestamp() * 1000)}, {"priceUsd": "2", "time": 0}]}
    engine.take(PRICES, fetched("bronze/coincap/history/usd-coin_h12_2026.json", points))
    first, second = rows(engine, PRICES)
    assert (first["asset_id"], first["interval"], first["observed_at"], first["source_row"]) == ("usd-coin", "h12", NOON, 0)
    assert (second["ingest_date"], second["source_row"], second["extra"]) == (dt.date(2026, 11, 24), 1, None)


def test_the_winner_is_the_one_stored_last_then_the_greatest_key(engine: Engine) -> None:
    for name, price, ms in (("b", "1", 2), ("a", "2", 3), ("c", "3", 2)):
        engine.take(SNAPSHOTS, fetched(FOLDER + name, snapshot(x={"priceUsd": price}), f"2026-11-24T12:00:00.00{ms}Z"))
    engine.settle(SNAPSHOTS)
    assert [(r["source_key"], r["price_usd"]) for r in rows(engine, SNAPSHOTS)] == [(FOLDER + "a", Decimal(2))]


def test_the_models_give_the_gold_of_the_peer_of_columns(engine: Engine) -> None:
    for day in range(120):
        at = NOON + dt.timedelta(days=day)
        assets = {
            name: {
                "priceUsd": f"{10 + (day * step) % 13}.{day:028d}",
                "marketCapUsd": str(1000 * step + day % 7),
                "volumeUsd24Hr": "1",
            }
            for name, step in (("a", 3), ("b", 5), ("c", 3))
            if day % 41 != step
        }
        engine.take(SNAPSHOTS, fetched(f"{FOLDER}{day}", snapshot(at, **assets)))
    for name in GOLD:
        engine.compute(name)
    samples = engine.rows(SNAPSHOTS).select(daily.READ_SNAPSHOTS)
    summary = daily.summary(samples, engine.rows(PRICES).select(daily.READ_PRICES))
    averages, ranked = rolling(summary), rankings(summary)
    for name, expected in zip(GOLD, (summary, averages, ranked, market(summary, averages, ranked)), strict=True):
        schema = tables.schema_of(name).as_arrow()
        verdict = compare.compare(
            name, expected.select(schema.names).cast(schema), engine.rows(name).select(schema.names).cast(schema)
        )
        assert verdict.equal and verdict.rows, (name, verdict.why)


def test_a_table_is_computed_of_the_rows_that_are_put(engine: Engine) -> None:
    engine.take(SNAPSHOTS, fetched(FOLDER + "a", snapshot(a={"priceUsd": "1"}, b={"priceUsd": "2"})))
    engine.put(SNAPSHOTS, engine.rows(SNAPSHOTS, "asset_id = 'b'"))
    engine.compute(DAILY)
    assert [r["asset_id"] for r in rows(engine, DAILY)] == ["b"]


def test_requests_are_signed_as_botocore_signs_them() -> None:
    signer = Signer(Settings("http://127.0.0.1:9000", "key", "secret", "lakehouse", "", ""), "127.0.0.1:9000")
    path, query = "/lakehouse/bronze/a%20%C3%A9.json", "prefix=bronze%2F&versions="
    head, *lines = signer.request(path, query).decode().split("\r\n")
    headers = dict(line.split(":", 1) for line in lines if line)
    request = AWSRequest("GET", f"http://127.0.0.1:9000{path}?{query}")
    request.headers["X-Amz-Content-SHA256"], request.headers["X-Amz-Date"] = (
        headers["x-amz-content-sha256"],
        headers["x-amz-date"],
    )
    request.context["timestamp"] = headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials("key", "secret"), "s3", "us-east-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert headers["authorization"].strip().endswith("Signature=" + auth.signature(text, request))
    assert head == f"GET {path}?{query} HTTP/1.1"


@pytest.fixture
def answering() -> Iterator[Callable[..., Connection]]:
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as ends:

        def answer(*pieces: bytes) -> Connection:
            connection = Connection(f"127.0.0.1:{server.getsockname()[1]}")
            other = ends.enter_context(server.accept()[0])
            for piece in pieces:
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
            return connection

        yield answer


def test_answers_may_come_in_pieces_and_two_at_once(answering: Callable[..., Connection]) -> None:
    connection = answering(
        b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 3\r\n\r\nab", b"cHTTP/1.1 200 OK\r\ncontent-length:1\r\n\r\nd"
    )
    assert [connection.get(b"GET / HTTP/1.1\r\n\r\n") for _ in range(2)] == [b"abc", b"d"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
def test_an_answer_that_is_none_is_an_error(answering: Callable[..., Connection], answer: bytes) -> None:
    with pytest.raises(OSError, match=r"404|length|closed"):
        answering(answer).get(b"GET / HTTP/1.1\r\n\r\n")

"""Listings and bodies of S3 over connections of its own: standard library only, so that it works before anything is imported.

For 3,670 objects of 8 kB obstore took 1.9 s of CPU time, minio-py 5.3, this client 0.6; DuckDB's httpfs 2.1 for 1,000 of them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from ..settings import REGION, Settings

READERS = 8
CHUNK = 64  # objects that a reader gets in a row
FRESH = 600  # s, of the 900 that a signature's time may be off
EMPTY = hashlib.sha256(b"").hexdigest()
SIGNED = "host;x-amz-content-sha256;x-amz-date"
XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Version(NamedTuple):
    """An object version, as a listing tells of it; the time as it is written there, with milliseconds."""

    key: str
    version: str
    modified: str


Fetched = list[tuple[Version, bytes]]


class Signer:
    """AWS Signature Version 4 of a GET without a body."""

    def __init__(self, settings: Settings, host: str) -> None:
        """Derives the key, which is good for a day."""
        self.host, self.moment = host, dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.moment[:8]}/{REGION}/s3/aws4_request"
        self.key = ("AWS4" + settings.secret_key).encode()
        for part in self.scope.split("/"):
            self.key = hmac.digest(self.key, part.encode(), "sha256")
        self.credential = f"AWS4-HMAC-SHA256 Credential={settings.access_key}/{self.scope}, SignedHeaders={SIGNED}, Signature="

    def request(self, path: str, query: str) -> bytes:
        """The request for a path and a query, both escaped, the query's names in order."""
        headers = f"host:{self.host}\nx-amz-content-sha256:{EMPTY}\nx-amz-date:{self.moment}\n"
        canonical = hashlib.sha256(f"GET\n{path}\n{query}\n{headers}\n{SIGNED}\n{EMPTY}".encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.moment}\n{self.scope}\n{canonical}"
        signature = hmac.digest(self.key, text.encode(), "sha256").hex()
        lines = headers.replace("\n", "\r\n")
        return f"GET {path}?{query} HTTP/1.1\r\n{lines}authorization: {self.credential}{signature}\r\n\r\n".encode()


class Connection:
    """One connection, kept alive: a request, then its answer."""

    def __init__(self, host: str) -> None:
        """Connects."""
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port or 80)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def get(self, request: bytes) -> bytes:
        """The body of the answer, whose length its header has to tell."""
        self.socket.sendall(request)
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            self.receive()
        head, begin = self.rest[:end], end + 4
        _, found, length = head.lower().partition(b"\r\ncontent-length:")
        if not found:
            raise OSError(f"an answer without a length: {head!r}")
        stop = begin + int(length.split(b"\r\n", 1)[0])
        while len(self.rest) < stop:
            self.receive()
        body, self.rest = self.rest[begin:stop], self.rest[stop:]
        if not head.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"{request.split(b' ', 2)[1]!r}: {head!r} {body!r}")
        return body

    def receive(self) -> None:
        """Some more bytes."""
        more = self.socket.recv(1 << 18)
        if not more:
            raise OSError("the object store closed the connection")
        self.rest += more


class Store:
    """The bucket."""

    def __init__(self, settings: Settings) -> None:
        """Starts no request yet."""
        url = urlsplit(settings.endpoint)
        if url.scheme != "http":
            raise ValueError(f"{settings.endpoint}: this client speaks http alone")
        self.settings, self.host, self.bucket = settings, url.netloc, settings.bucket
        self.threads, self.local = ThreadPoolExecutor(READERS), threading.local()

    def get(self, path: str, query: str) -> bytes:
        """The body at a path below the bucket, by this thread's connection and signing key."""
        mine = self.local
        if not hasattr(mine, "connection"):
            mine.connection, mine.signed = Connection(self.host), 0.0
        if (now := time.monotonic()) - mine.signed > FRESH:
            mine.signer, mine.signed = Signer(self.settings, self.host), now
        return mine.connection.get(mine.signer.request(f"/{self.bucket}{path}", query))

    def pages(self, prefix: str) -> Iterator[list[Version]]:
        """All object versions below a prefix, 1,000 a page."""
        key = version = ""
        while True:
            after = quote(key, safe=""), quote(prefix, safe=""), quote(version, safe="")
            page = ET.fromstring(self.get("", "key-marker={}&prefix={}&version-id-marker={}&versions=".format(*after)))
            yield [
                Version(*(v.findtext(XML + name) or "" for name in ("Key", "VersionId", "LastModified")))
                for v in page.iterfind(XML + "Version")
            ]
            if page.findtext(XML + "IsTruncated") != "true":
                return
            key, version = page.findtext(XML + "NextKeyMarker") or "", page.findtext(XML + "NextVersionIdMarker") or ""

    def versions(self, prefix: str) -> list[Version]:
        """All object versions below a prefix."""
        return [v for page in self.pages(prefix) for v in page]

    def bodies(self, versions: list[Version]) -> Fetched:
        """The objects with their bodies."""
        return [(v, self.get("/" + quote(v.key, safe="/-_.~"), "versionId=" + quote(v.version, safe=""))) for v in versions]

    def fetch(self, prefixes: list[str]) -> Iterator[Fetched]:
        """All objects below the prefixes, listed and got side by side, a chunk at a time. It returns at once."""
        ready: SimpleQueue[Future[Fetched] | None] = SimpleQueue()

        def listed() -> None:
            try:
                for prefix in prefixes:
                    for page in self.pages(prefix):
                        for i in range(0, len(page), CHUNK):
                            ready.put(self.threads.submit(self.bodies, page[i : i + CHUNK]))
            finally:
                ready.put(None)

        lister = self.threads.submit(listed)

        def chunks() -> Iterator[Fetched]:
            while (chunk := ready.get()) is not None:
                yield chunk.result()
            lister.result()

        return chunks()

"""The bronze objects: which versions there are, what their keys say, and what they hold."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .settings import REGION, Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient

ASSETS = "bronze/coincap/assets/"
HISTORY = "bronze/coincap/history/"

READERS = 16

INGEST_DATE = re.compile(r"/ingest_date=(\d{4}-\d{2}-\d{2})/")
SERIES = re.compile(r"([^/]+?)_(m1|m5|m15|m30|h1|h2|h6|h12|d1)_[^/]*$")


@dataclass(frozen=True)
class Version:
    """An object version, as a listing tells of it: the lineage of its rows. The time has milliseconds."""

    key: str
    version: str
    modified: dt.datetime

    @property
    def ingest_date(self) -> dt.date:
        """The day in the key, else the day on which the object was stored."""
        found = INGEST_DATE.search(self.key)
        return dt.date.fromisoformat(found[1]) if found else self.modified.date()

    @property
    def series(self) -> tuple[str, str]:
        """Asset and interval of a history: its name is <asset>_<interval>_<anything>."""
        found = SERIES.search(self.key)
        if not found:
            raise ValueError(f"the key {self.key} names no asset and interval")
        return found[1], found[2]


class Listing:
    """The bucket's listing, by boto3: obstore's knows no versions."""

    def __init__(self, settings: Settings) -> None:
        """Makes the client; no request yet."""
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        self.bucket = settings.bucket
        self.client: BaseClient = boto3.client(
            "s3",
            endpoint_url=settings.endpoint,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, parameter_validation=False),
        )

    def versions(self, prefix: str) -> list[Version]:
        """All object versions below a prefix: 1,000 a request."""
        found: list[Version] = []
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            found += [Version(v["Key"], v["VersionId"], v["LastModified"]) for v in page.get("Versions", [])]
        return found

    def named(self, keys: Iterable[str]) -> list[Version]:
        """The versions of these keys. A HEAD would be one request as well, but cuts the time to seconds."""
        return [v for key in keys for v in self.versions(key) if v.key == key]


class Bodies:
    """What objects hold, some at once. obstore is Rust and leaves Python's lock alone; boto3 takes 2 CPU ms for a GET."""

    def __init__(self, settings: Settings) -> None:
        """Makes the client; no request yet."""
        from obstore.store import S3Store  # noqa: PLC0415

        self.threads = ThreadPoolExecutor(READERS)
        self.store = S3Store(
            settings.bucket,
            endpoint=settings.endpoint,
            access_key_id=settings.access_key,
            secret_access_key=settings.secret_key,
            region=REGION,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def get(self, objects: Iterable[tuple[str, str]]) -> list[bytes]:
        """The bodies of these keys and versions, in their order."""
        return list(self.threads.map(self.one, objects))

    def one(self, key_and_version: tuple[str, str]) -> bytes:
        """One body."""
        key, version = key_and_version
        return bytes(self.store.get(key, options={"version": version}).bytes())


def by_dataset(versions: Iterable[Version]) -> tuple[list[Version], list[Version]]:
    """Those of /assets and those of /history."""
    every = list(versions)
    return [v for v in every if v.key.startswith(ASSETS)], [v for v in every if v.key.startswith(HISTORY)]

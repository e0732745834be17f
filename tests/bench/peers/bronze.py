"""The bronze objects: which versions there are, and what their keys say."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .settings import REGION, Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient

ASSETS = "bronze/coincap/assets/"
HISTORY = "bronze/coincap/history/"

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


class Store:
    """The bucket's listing. boto3 loads in 0.3 s, so nothing else here uses it."""

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

    def body(self, version: Version) -> bytes:
        """What the object version holds."""
        return self.client.get_object(Bucket=self.bucket, Key=version.key, VersionId=version.version)["Body"].read()


def by_dataset(versions: Iterable[Version]) -> tuple[list[Version], list[Version]]:
    """Those of /assets and those of /history."""
    every = list(versions)
    return [v for v in every if v.key.startswith(ASSETS)], [v for v in every if v.key.startswith(HISTORY)]

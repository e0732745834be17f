"""Where a peer finds the object store, and where its tables are."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

CATALOG = "lakehouse"
REGION = "us-east-1"  # MinIO has none, and the clients want one


@dataclass(frozen=True)
class Settings:
    """The store as the environment names it (the variables of `stack env`), the catalog's file and the tables' folder."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    catalog: str  # a SQLite file
    folder: str  # below the bucket; the tables are s3://<bucket>/<folder>/<namespace>/<table>

    @property
    def warehouse(self) -> str:
        """The URL below which the tables are."""
        return f"s3://{self.bucket}/{self.folder}"


def read(catalog: str, folder: str) -> Settings:
    """Reads the environment; a variable that is missing is a KeyError with its name."""
    endpoint = os.environ["MILLRACE_S3_ENDPOINT"]
    if "://" not in endpoint:
        endpoint = "http://" + endpoint
    return Settings(
        endpoint=endpoint,
        access_key=os.environ["MILLRACE_S3_ACCESS_KEY"],
        secret_key=os.environ["MILLRACE_S3_SECRET_KEY"],
        bucket=os.environ.get("MILLRACE_BUCKET", "lakehouse"),
        catalog=catalog,
        folder=folder,
    )


def from_arguments(program: str) -> Settings:
    """The settings of a peer's command line."""
    parser = argparse.ArgumentParser(prog=program, description="Serves the commands of its standard input.")
    parser.add_argument("--catalog", required=True, metavar="FILE", help="SQLite file of the catalog")
    parser.add_argument("--folder", required=True, help="folder of the tables, below the bucket")
    arguments = parser.parse_args()
    return read(arguments.catalog, arguments.folder)

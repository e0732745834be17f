"""A session of Spark's on the lake's REST catalog, with the settings that exact numbers need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pyspark import cloudpickle
from pyspark.sql import SparkSession

from . import extract
from .branch import CATALOG

ICEBERG = "1.11.0"
PACKAGES = f"org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:{ICEBERG},org.apache.iceberg:iceberg-aws-bundle:{ICEBERG}"


def settings() -> dict[str, str]:
    """Spark's settings; whoever starts it may add others, such as the master."""
    missing = [
        name for name in ("MILLRACE_ICEBERG_URI", "MILLRACE_ICEBERG_TOKEN", "MILLRACE_S3_ENDPOINT") if name not in os.environ
    ]
    if missing:
        raise SystemExit(f'{", ".join(missing)} is not set: eval "$(.bin/stack env --role owner)" sets it')
    lake = f"spark.sql.catalog.{CATALOG}"
    workers = {f"spark.executorEnv.{name}": os.environ[name] for name in extract.ENVIRONMENT if name in os.environ}
    return workers | {
        "spark.jars.packages": PACKAGES,
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        lake: "org.apache.iceberg.spark.SparkCatalog",
        f"{lake}.type": "rest",
        f"{lake}.uri": os.environ["MILLRACE_ICEBERG_URI"],
        f"{lake}.token": os.environ["MILLRACE_ICEBERG_TOKEN"],
        f"{lake}.warehouse": "lakehouse",
        f"{lake}.header.X-Iceberg-Access-Delegation": "vended-credentials",
        f"{lake}.cache-enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        # A difference of two decimals(38,28) keeps its 28 decimals, or is an error; Spark's way cuts the last one off.
        "spark.sql.decimalOperations.allowPrecisionLoss": "false",
        # A number that does not fit is an error and not null, and a decimal's text has no exponent.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    }


def open_session(program: Path) -> Any:
    """Opens the session and ships the program that its workers run."""
    builder = SparkSession.builder.appName("millrace rebuild")
    for name, value in settings().items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")  # else nobody finds the progress among what Spark says
    spark.sparkContext.addFile(str(program))
    cloudpickle.register_pickle_by_value(extract)  # so that workers need no file of this package
    return spark

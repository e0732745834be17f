"""A session of Spark's on the lake's REST catalog, with the settings that exact numbers need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyspark
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from . import extract
from .branch import CATALOG

# Iceberg's runtime and version, by Spark's.
ICEBERG = {"4.1": ("4.1_2.13", "1.11.0"), "3.5": ("3.5_2.12", "1.10.0")}


def packages() -> str:
    """Iceberg for the Spark that is installed."""
    version = ".".join(pyspark.__version__.split(".")[:2])
    if version not in ICEBERG:
        raise SystemExit(f"Spark {version} is installed; rebuild.py was compared on {' and '.join(ICEBERG)}")
    runtime, iceberg = ICEBERG[version]
    group = "org.apache.iceberg"
    return f"{group}:iceberg-spark-runtime-{runtime}:{iceberg},{group}:iceberg-aws-bundle:{iceberg}"


def settings() -> dict[str, str]:
    """Spark's settings; whoever starts it may add others, such as the master."""
    lake = f"spark.sql.catalog.{CATALOG}"
    workers = {f"spark.executorEnv.{name}": os.environ[name] for name in extract.ENVIRONMENT if name in os.environ}
    return workers | {
        "spark.jars.packages": packages(),
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

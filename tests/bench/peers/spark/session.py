"""The Spark session, tuned for small tables on two cores."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from ..settings import CATALOG, REGION, Settings

# All jars are on the class path from the start: `spark.jars` would copy 400 MB first.
JARS = os.environ["PEERS_JARS"]
JAVA = "-Duser.timezone=UTC -XX:+UseParallelGC"


def configuration(settings: Settings) -> dict[str, str]:
    """What the session runs with. The reasons are in README.md."""
    catalog = f"spark.sql.catalog.{CATALOG}"
    s3a = "spark.hadoop.fs.s3a"
    return {
        "spark.driver.memory": "4g",
        "spark.driver.extraClassPath": f"{JARS}/*",
        "spark.driver.extraJavaOptions": JAVA,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.defaultCatalog": CATALOG,
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "jdbc",
        f"{catalog}.uri": f"jdbc:sqlite:file:{settings.catalog}?journal_mode=WAL&busy_timeout=10000",
        f"{catalog}.jdbc.schema-version": "V1",
        # Iceberg 1.10 leaves a result set open when it looks for its own tables, and SQLite's file locked with it.
        f"{catalog}.jdbc.init-catalog-tables": "false",
        # No other writer here: what the session has read is what there is.
        f"{catalog}.cache-enabled": "true",
        f"{catalog}.cache.expiration-interval-ms": "-1",
        f"{catalog}.warehouse": settings.warehouse,
        f"{catalog}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{catalog}.s3.endpoint": settings.endpoint,
        f"{catalog}.s3.path-style-access": "true",
        f"{catalog}.s3.access-key-id": settings.access_key,
        f"{catalog}.s3.secret-access-key": settings.secret_key,
        f"{catalog}.client.region": REGION,
        f"{s3a}.endpoint": settings.endpoint,
        f"{s3a}.access.key": settings.access_key,
        f"{s3a}.secret.key": settings.secret_key,
        f"{s3a}.path.style.access": "true",
        f"{s3a}.connection.ssl.enabled": "false",
        f"{s3a}.change.detection.mode": "none",
    }


def start(settings: Settings) -> SparkSession:
    """Starts the JVM."""
    if not any(Path(JARS).glob("iceberg-spark-runtime-*.jar")):
        raise FileNotFoundError(f"{JARS} has no Iceberg for Spark: `go tool task bench:peers` installs it")
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    builder = SparkSession.builder.appName("peers").master("local[2]")
    for name, value in configuration(settings).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()

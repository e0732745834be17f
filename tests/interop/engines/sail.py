"""Sail, by Spark's client."""

from __future__ import annotations

from . import spark


class Engine(spark.Engine):
    """The same SQL as Spark's."""

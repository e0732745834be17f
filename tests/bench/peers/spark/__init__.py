"""The peer with Spark: PySpark for the batches, Structured Streaming for the watching, Iceberg's tables."""

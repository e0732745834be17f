"""What a user would run in place of millrace, on the same bronze: DuckDB, PyIceberg, PySpark and Structured Streaming."""

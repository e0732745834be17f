"""What a user would run in place of millrace, on the same bronze: PySpark, Spark Structured Streaming and PyIceberg."""

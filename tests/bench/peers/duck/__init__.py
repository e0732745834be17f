"""The peer for a full rebuild: DuckDB decodes and computes, PyIceberg commits."""

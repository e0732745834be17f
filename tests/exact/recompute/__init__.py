"""Recomputes silver and gold from the bytes in bronze, in exact numbers, and compares every cell with what a lake shows.

The definitions are those of docs/input.md and docs/tables.md. Nothing here is taken over from the SQL of the models: where that
sums doubles or decimals in windows, this counts in whole numbers of the 28th decimal, of any length.

- `market`, `generate`: bronze of made-up prices, as dirty as real ones.
- `decode`: one object's bytes into typed rows and refused rows.
- `silver`: the rows of all objects, of which the newest wins.
- `gold`: the four tables by day.
- `compare`: the cells that differ; `doubt`: whether it would find them.
"""

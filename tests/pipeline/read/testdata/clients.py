"""Reads a lake as SQLAlchemy and pandas do, through the address in argv, and fails where that is not what a PostgreSQL would give."""

import datetime
import decimal
import sys

import pandas
import sqlalchemy

engine = sqlalchemy.create_engine(sys.argv[1])
seen = sqlalchemy.inspect(engine)
assert seen.default_schema_name == "gold"
assert {"gold", "silver"} <= set(seen.get_schema_names()), seen.get_schema_names()
assert set(seen.get_table_names("gold")) == {"daily_summary", "market_summary", "rankings", "rolling_averages"}
assert seen.has_table("rankings", "gold") and not seen.has_table("nothing", "gold")
columns = {c["name"]: str(c["type"]) for c in seen.get_columns("daily_summary", "gold")}
assert columns["close"] == "NUMERIC(38, 28)" and columns["day"] == "DATE" and columns["asset_id"] == "TEXT", columns
assert str({c["name"]: c["type"] for c in seen.get_columns("asset_snapshots", "silver")}["tokens"]) == "JSON"
for of in (seen.get_indexes, seen.get_foreign_keys, seen.get_unique_constraints, seen.get_check_constraints):
    assert of("rankings", "gold") == []

daily = sqlalchemy.Table("daily_summary", sqlalchemy.MetaData(), schema="gold", autoload_with=engine)
with engine.connect() as connection:
    days = sqlalchemy.select(daily.c.day, daily.c.close, daily.c.first_observed_at).where(
        daily.c.asset_id == "bitcoin", daily.c.close > decimal.Decimal("0.5"), daily.c.day >= datetime.date(2025, 6, 1)
    )
    rows = connection.execute(days.order_by(daily.c.day)).fetchall()
    assert len(rows) == 30, len(rows)
    assert isinstance(rows[0].close, decimal.Decimal) and rows[0].first_observed_at.utcoffset() == datetime.timedelta(0)
    several = sqlalchemy.text("select count(*) from gold.rankings where asset_id = any(:assets)")
    assert connection.execute(several, {"assets": ["bitcoin", "ethereum"]}).scalar() == 60
    odd = connection.execute(sqlalchemy.text("select null, ['a', null], {'k': 1}, 0.1::decimal(38,28), true, 'it''s'")).one()
    assert tuple(odd) == (None, ["a", None], {"k": 1}, decimal.Decimal("0.1"), True, "it's"), odd
frame = pandas.read_sql("select * from gold.rankings order by day, rank", engine)
assert len(frame) == 60 and frame["rank"].max() == 2
assert len(pandas.read_sql_table("market_summary", engine, schema="gold")) == 30

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from peers import compare, tables

DAY = dt.date(2026, 11, 24)


def table(name: str, **columns: list[object]) -> pa.Table:
    schema = tables.schema_of(name).as_arrow()
    length = len(next(iter(columns.values())))
    rows = {column: columns.get(column, [None] * length) for column in schema.names}
    return pa.table({c: pa.array(v, schema.field(c).type) for c, v in rows.items()})


def rolling(**columns: list[object]) -> pa.Table:
    return table(tables.ROLLING, asset_id=["a", "b"], day=[DAY, DAY], **columns)


def verdict(expected: pa.Table, got: pa.Table, name: str = tables.ROLLING) -> compare.Verdict:
    return compare.compare(name, expected, got)


def test_rows_in_another_order_are_equal() -> None:
    expected = rolling(sma_7=[1.5, None])
    assert verdict(expected, expected.take([1, 0])).equal


def test_last_bits_of_floats_may_differ() -> None:
    found = verdict(rolling(sma_7=[1.5, None]), rolling(sma_7=[1.5 + 3e-16, None]))
    assert found.equal and 0 < found.worst < 1e-15


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"sma_7": [1.5, None]}, {"sma_7": [1.5 + 1e-11, None]}),
        ({"sma_7": [1.5, None]}, {"sma_7": [1.5, 2.0]}),
        ({"sma_7": [1.5, None]}, {"sma_7": [None, 1.5]}),
        ({"return_1d": [1e-6, 0]}, {"return_1d": [1e-6 + 1e-14, 0]}),
        ({"n_obs_7": [1, 2]}, {"n_obs_7": [2, 1]}),
    ],
)
def test_differences_are_found(expected: dict[str, list[object]], got: dict[str, list[object]]) -> None:
    found = verdict(rolling(**expected), rolling(**got))
    assert not found.equal and found.why


def test_a_small_difference_of_great_numbers_is_none() -> None:
    # 1.000001 - 1 has six digits less than 1.000001.
    assert verdict(rolling(return_1d=[1e-6, 0]), rolling(return_1d=[1e-6 + 2e-16, 0])).equal


def test_decimals_must_be_the_same_to_the_last_digit() -> None:
    def daily(close: str) -> pa.Table:
        return table(tables.DAILY, asset_id=["a"], day=[DAY], close=[Decimal(close)])

    one, other = daily("1.0000000000000000000000000001"), daily("1.0000000000000000000000000002")
    assert verdict(one, one, tables.DAILY).equal
    assert not verdict(one, other, tables.DAILY).equal


def test_missing_rows_and_other_types_are_found() -> None:
    expected = rolling(sma_7=[1.5, None])
    assert not verdict(expected, expected.slice(1)).equal
    other = expected.set_column(expected.column_names.index("sma_7"), "sma_7", pa.array([1.5, None], pa.float32()))
    assert not verdict(expected, other).equal
    assert not verdict(expected, expected.drop_columns(["drawdown"])).equal

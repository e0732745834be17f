"""Values as JSON that loses nothing, whichever engine read them, and rows from such JSON."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import Any

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

ALL_DIGITS = decimal.Context(prec=76)


def plain(value: Any) -> Any:
    """Gives decimals as text with all digits that count, times as microseconds since 1970, days as ISO dates, maps as objects."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value  # pandas' way to say null
    if isinstance(value, decimal.Decimal):
        return format(value.normalize(ALL_DIGITS), "f")
    if isinstance(value, datetime.datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (zoned - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "asDict"):
        return plain(value.asDict())  # Spark's structs
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(v, tuple) and len(v) == 2 for v in value):
            return {str(k): plain(v) for k, v in value}  # Arrow's maps
        return [plain(v) for v in value]
    raise TypeError(f"no engine should give a {type(value)}: {value!r}")


def milliseconds(at: str) -> int:
    """Gives a moment as milliseconds since 1970."""
    return (datetime.datetime.fromisoformat(at).replace(tzinfo=datetime.timezone.utc) - EPOCH) // datetime.timedelta(milliseconds=1)


def table(columns: list[str], rows: Any) -> dict[str, Any]:
    """Gives what a read answers."""
    return {"columns": columns, "rows": [[plain(v) for v in row] for row in rows]}


def arrow(data: Any) -> dict[str, Any]:
    """Gives the same of an Arrow table. A map column would be a list of pairs in it, and an empty one an empty list."""
    import pyarrow as pa

    columns = []
    for field in data.schema:
        values = data.column(field.name).to_pylist()
        if pa.types.is_map(field.type):
            values = [None if v is None else dict(v) for v in values]
        columns.append([plain(v) for v in values])
    return {"columns": list(data.schema.names), "rows": [list(row) for row in zip(*columns, strict=True)]}

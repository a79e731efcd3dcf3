"""Answers as text: a table for people, CSV, or JSON lines; pure.

Times are ISO 8601 in UTC (``2026-11-23T03:31:55.123Z``), without the Z where they have no zone.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

# Wider columns are cut, so that a list of candidates does not push everything else off the screen.
MAX_COLUMN_WIDTH = 60


def to_text(table: pa.Table, max_width: int = MAX_COLUMN_WIDTH) -> str:
    """Columns side by side, numbers to the right, then the number of rows."""
    names = table.schema.names
    rows = [[_cut(_word(value), max_width) for value in row] for row in _rows(table)]
    widths = [max(len(line[index]) for line in [names, *rows]) for index in range(len(names))]
    aligned: list[Callable[[str, int], str]] = [
        str.rjust if _is_number(kind) else str.ljust for kind in table.schema.types
    ]

    def line(cells: list[str]) -> str:
        return "  ".join(align(cell, width) for align, cell, width in zip(aligned, cells, widths, strict=True)).rstrip()

    rule = "  ".join("-" * width for width in widths)
    count = f"({table.num_rows} row{'' if table.num_rows == 1 else 's'})"
    return "\n".join([line(names), rule, *map(line, rows), count]) + "\n"


def to_csv(table: pa.Table) -> str:
    """A header, then a line a row (RFC 4180 but for plain newlines); null is empty, nested values are JSON."""
    rows = [["" if value is None else _word(value) for value in row] for row in _rows(table)]
    return "".join(map(_csv_line, [table.schema.names, *rows]))


def to_json_lines(table: pa.Table) -> str:
    """An object a row. Numbers that JSON does not have (NaN, infinity) are null."""
    names = table.schema.names
    rows = (dict(zip(names, map(_json_value, row), strict=True)) for row in _rows(table))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


FORMATS: dict[str, Callable[[pa.Table], str]] = {"table": to_text, "csv": to_csv, "json": to_json_lines}


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    if table.num_columns == 0:
        return iter(())
    # Not to_pylist of the table: two columns may have the same name.
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _csv_line(cells: list[str]) -> str:
    text = io.StringIO()
    # The writer quotes only such line ends as it writes itself, and a dead letter may hold any.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"


def _word(value: Any) -> str:
    """One value as a person reads it."""
    plain = _json_value(value)
    if plain is None:
        return str(value) if isinstance(value, float) else ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list | dict):
        return json.dumps(plain, ensure_ascii=False)
    return str(plain)


def _json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    for kind, convert in _CONVERT:
        if isinstance(value, kind):
            return convert(value)
    return value


def _iso(value: datetime) -> str:
    zone = "" if value.tzinfo is None else "Z"
    moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds" if value.microsecond else "seconds"
    return moment.isoformat(timespec=precision) + zone


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


# In this order: a datetime is a date, too.
_CONVERT: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (datetime, _iso),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, str),
    (Decimal, _number),
    (bytes, bytes.hex),
    (float, lambda value: value if math.isfinite(value) else None),
)


def _cut(text: str, width: int) -> str:
    flat = text.replace("\n", "\\n")
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)

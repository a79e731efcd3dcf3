from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from health_catalog.formats import FORMATS, to_csv, to_json_lines, to_text
from hypothesis import given, settings
from hypothesis import strategies as st

MOMENT = datetime(2026, 11, 23, 3, 31, 55, 123_000, tzinfo=UTC)

TABLE = pa.table(
    {
        "patient": ["p1", 'p2, the "second"\none', None],
        "spo2": [91.5, math.nan, None],
        "at": pa.array([MOMENT, MOMENT.replace(microsecond=0), None], pa.timestamp("us", "UTC")),
        "candidates": pa.array([[{"vehicle": "v1", "seen": MOMENT}], [], None]),
        "ok": [True, False, None],
    }
)


def test_a_table_for_people() -> None:
    assert to_text(TABLE.drop_columns(["candidates"])).splitlines() == [
        "patient                spo2  at                        ok",
        "---------------------  ----  ------------------------  -----",
        "p1                     91.5  2026-11-23T03:31:55.123Z  true",
        'p2, the "second"\\none   nan  2026-11-23T03:31:55Z      false',
        "",
        "(3 rows)",
    ]


def test_numbers_are_to_the_right_and_long_values_are_cut() -> None:
    text = to_text(pa.table({"n": [5, 1000], "text": ["x" * 100, "a\nb"]}), max_width=8)
    assert text.splitlines() == [
        "   n  text",
        "----  --------",
        "   5  xxxxxxx…",
        "1000  a\\nb",
        "(2 rows)",
    ]
    assert to_text(pa.table({"n": [1]})).endswith("(1 row)\n")
    assert to_text(pa.table({"n": pa.array([], pa.int64())})) == "n\n-\n(0 rows)\n"


def test_json_lines() -> None:
    first, second, third = map(json.loads, to_json_lines(TABLE).splitlines())
    assert first == {
        "patient": "p1",
        "spo2": 91.5,
        "at": "2026-11-23T03:31:55.123Z",
        "candidates": [{"vehicle": "v1", "seen": "2026-11-23T03:31:55.123Z"}],
        "ok": True,
    }
    assert second["spo2"] is None  # JSON has no NaN
    assert second["at"] == "2026-11-23T03:31:55Z"
    assert set(third.values()) == {None}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_csv_comes_back(rows: list[list[str]]) -> None:
    table = pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate("ab")})
    # Newlines inside of quotes are kept as they are.
    found = list(csv.reader(io.StringIO(to_csv(table), newline="")))
    assert found == [["a", "b"], *rows]


@pytest.mark.parametrize(
    ("value", "kind", "word"),
    [
        (MOMENT, pa.timestamp("us", "Asia/Tokyo"), "2026-11-23T03:31:55.123Z"),
        (MOMENT.replace(tzinfo=None), pa.timestamp("us"), "2026-11-23T03:31:55.123"),
        (MOMENT.replace(microsecond=1).astimezone(timezone(timedelta(hours=5))), pa.timestamp("us", "UTC"),
         "2026-11-23T03:31:55.000001Z"),
        (MOMENT.date(), pa.date32(), "2026-11-23"),
        (timedelta(minutes=1), pa.duration("s"), "0:01:00"),
        (Decimal("3"), pa.decimal128(38, 0), "3"),
        (Decimal("3.5"), pa.decimal128(5, 1), "3.5"),
        (b"\x00\xff", pa.binary(), "00ff"),
        ([("k", 1)], pa.map_(pa.string(), pa.int64()), '"[[""k"", 1]]"'),
    ],
)  # fmt: skip
def test_values_as_words(value: Any, kind: pa.DataType, word: str) -> None:
    assert to_csv(pa.table({"x": pa.array([value], kind)})) == f"x\n{word}\n"


@pytest.mark.parametrize("name", FORMATS)
def test_two_columns_of_one_name_and_no_columns_at_all(name: str) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert "2" in FORMATS[name](table)
    FORMATS[name](pa.table({}))

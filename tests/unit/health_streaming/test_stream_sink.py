"""How landed rows become files: by hour, by offsets, the same on every replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from health_catalog import arrow_schema, raw_table
from health_events import DEAD_LETTERS, VITALS
from health_streaming.progress import lags
from health_streaming.sinks.lake import Part, parts
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
KINDS = st.sampled_from(["good", "broken", "canary"])


def _rows(kinds: list[str], minutes: list[int]) -> pa.Table:
    """Rows of partition 3 of vitals, as ``parsing.landed`` makes them: from offset 100, two apart."""
    good = {field.name: None for field in VITALS.fields} | {"event_id": "v"}
    dead = {"source": "vitals", "reason": "odd", "encoding": "utf-8", "payload": "x"}
    count = len(kinds)
    columns: dict[str, Any] = {
        "event": pa.array(["vitals"] * count, pa.string()),
        "kafka_partition": pa.array([3] * count, pa.int32()),
        "kafka_offset": pa.array([100 + 2 * index for index in range(count)], pa.int64()),
        "kafka_timestamp": pa.array([START + timedelta(minutes=each) for each in minutes], pa.timestamp("us", "UTC")),
        "source_cursor": pa.array(["c"] * count, pa.string()),
        "vitals": pa.array([good if kind == "good" else None for kind in kinds], _struct(VITALS)),
        "dead_letters": pa.array([dead if kind == "broken" else None for kind in kinds], _struct(DEAD_LETTERS)),
    }
    return pa.table(columns)


def _struct(event: Any) -> pa.DataType:
    return pa.struct([field.with_nullable(True) for field in arrow_schema(event)])


def test_the_good_the_broken_and_the_canaries_part() -> None:
    found = list(parts(_rows(["canary", "good", "broken", "good", "canary"], [0] * 5)))
    assert [(part.table, part.hour, part.file_name, part.rows.num_rows) for part in found] == [
        ("vitals", ("2026-11-22", "10"), "part-3-100-108.parquet", 2),
        ("dead_letters", ("2026-11-22", "10"), "vitals-3-100-108.parquet", 1),
    ]
    assert found[0].rows["kafka_offset"].to_pylist() == [102, 106]
    assert found[1].rows.column_names == raw_table(DEAD_LETTERS).schema.names


def test_a_batch_over_midnight_makes_two_files() -> None:
    found = {part.hour: part.file_name for part in parts(_rows(["good"] * 3, [0, 14 * 60 - 1, 14 * 60]))}
    assert found == {
        ("2026-11-22", "10"): "part-3-100-100.parquet",
        ("2026-11-22", "23"): "part-3-102-102.parquet",
        ("2026-11-23", "00"): "part-3-104-104.parquet",
    }


def test_files_of_another_kafka_never_have_the_names_of_the_first() -> None:
    rows = _rows(["good", "broken"], [0, 0])
    assert [part.file_name for part in parts(rows, "4")] == ["part-e4-3-100-102.parquet", "vitals-e4-3-100-102.parquet"]


@given(st.lists(st.tuples(KINDS, st.integers(0, 180)), min_size=1, max_size=40))
def test_every_row_is_in_one_file_or_is_a_canary(drawn: list[tuple[str, int]]) -> None:
    kinds, minutes = [kind for kind, _ in drawn], [minute for _, minute in drawn]
    found: list[Part] = list(parts(_rows(kinds, minutes)))
    for table, kind in (("vitals", "good"), ("dead_letters", "broken")):
        offsets = [each for part in found if part.table == table for each in part.rows["kafka_offset"].to_pylist()]
        assert sorted(offsets) == [100 + 2 * index for index, each in enumerate(kinds) if each == kind]
    for part in found:
        hours = {each.strftime("%H") for each in part.rows["kafka_timestamp"].to_pylist()}
        assert hours == {part.hour[1]}


def test_lag_is_what_is_there_and_not_read() -> None:
    end, latest = '{"t": {"0": 5, "1": 9}}', '{"t": {"0": 7, "1": 8}, "new": {"0": 4}}'
    assert list(lags(end, latest)) == [("t", "0", 2), ("t", "1", 0), ("new", "0", 4)]
    assert list(lags("null", "null")) == []

"""How landed rows become files: by hour, by offsets, the same on every replay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from health_catalog import arrow_schema, raw_table
from health_events import DEAD_LETTERS, VITALS, by_name, encode
from health_streaming.progress import lags
from health_streaming.sinks.files import Part, parts
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_producer.records import good_record

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
KINDS = st.sampled_from(["good", "broken", "canary"])


def _rows(kinds: list[str], minutes: list[int]) -> list[pa.RecordBatch]:
    """Rows of partition 3 of vitals, as of ``intake.from_kafka``: from offset 100, two apart, in two batches."""
    good = good_record(VITALS)
    values = {"good": good, "broken": good | {"spo2": "high"}, "canary": good | {"canary": True}}
    count = len(kinds)
    columns: dict[str, Any] = {
        "event": pa.array(["vitals"] * count, pa.string()),
        "kafka_partition": pa.array([3] * count, pa.int32()),
        "kafka_offset": pa.array([100 + 2 * index for index in range(count)], pa.int64()),
        "kafka_timestamp": pa.array([START + timedelta(minutes=each) for each in minutes], pa.timestamp("us", "UTC")),
        "source_cursor": pa.array(["c"] * count, pa.string()),
        "value": pa.array([encode(values[kind]) for kind in kinds], pa.binary()),
        "dead_letters": pa.nulls(count, pa.struct([field.with_nullable(True) for field in arrow_schema(DEAD_LETTERS)])),
    }
    rows = pa.table(columns)
    return [batch for half in (rows[: count // 2], rows[count // 2 :]) for batch in half.to_batches()]


def test_the_good_the_broken_and_the_canaries_part() -> None:
    found = list(parts(_rows(["canary", "good", "broken", "good", "canary"], [0] * 5)))
    assert [(part.table, part.hour, part.file_name, part.rows.num_rows) for part in found] == [
        ("vitals", ("2026-11-22", "10"), "part-3-100-108.parquet", 2),
        ("dead_letters", ("2026-11-22", "10"), "vitals-3-100-108.parquet", 1),
    ]
    assert found[0].rows["kafka_offset"].to_pylist() == [102, 106]
    for part in found:
        part.rows.cast(raw_table(by_name(part.table)).schema)
    (dead,) = found[1].rows.to_pylist()
    assert (dead["source"], dead["reason"], dead["encoding"]) == ("vitals", "spo2: not of type double", "utf-8")
    assert (json.loads(dead["payload"])["spo2"], dead["kafka_offset"]) == ("high", 104)


def test_a_batch_over_midnight_makes_two_files() -> None:
    found = {part.hour: part.file_name for part in parts(_rows(["good"] * 3, [0, 14 * 60 - 1, 14 * 60]))}
    assert found == {
        ("2026-11-22", "10"): "part-3-100-100.parquet",
        ("2026-11-22", "23"): "part-3-102-102.parquet",
        ("2026-11-23", "00"): "part-3-104-104.parquet",
    }


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


def test_a_dead_letter_of_somebody_else_stays_as_it_is() -> None:
    (batch,) = _rows(["good"], [0])[-1:]
    letter = {"source": "gps", "reason": "odd", "encoding": "base64", "payload": "AP8="}
    columns = {name: batch[name] for name in batch.schema.names} | {
        "event": pa.array(["dead_letters"]), "value": pa.nulls(1, pa.binary()), "dead_letters": pa.array([letter]),
    }  # fmt: skip
    (part,) = parts([pa.RecordBatch.from_pydict(columns)])
    assert (part.table, part.file_name) == ("dead_letters", "part-3-100-100.parquet")
    assert part.rows.select(list(letter)).to_pylist() == [letter]


def test_lag_is_what_is_there_and_not_read() -> None:
    end, latest = '{"t": {"0": 5, "1": 9}}', '{"t": {"0": 7, "1": 8}, "new": {"0": 4}}'
    assert list(lags(end, latest)) == [("t", "0", 2), ("t", "1", 0), ("new", "0", 4)]
    assert list(lags("null", "null")) == []

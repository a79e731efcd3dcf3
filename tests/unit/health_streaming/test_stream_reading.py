"""Arrow's reading of a record agrees with the contract's own, on good records and on every kind of bad one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from health_catalog import arrow_schema
from health_events import DEAD_LETTERS, EVENTS, VITALS, Event, Primitive, decode
from health_streaming import reading
from health_streaming.reading import Records, read
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_producer.records import bent_records, good_record
from tests.unit.health_streaming.spoilt import GOOD, NEARLY_JSON, all_spoilt, reason

PARSED = [event for event in EVENTS if event is not DEAD_LETTERS]


def _read(values: list[bytes], event: Event) -> Records:
    return read(pa.array(values, pa.binary()), event)


def _broken(found: Records) -> dict[int, str]:
    return dict(zip(found.broken_at.to_pylist(), found.reasons.to_pylist(), strict=True))


def _assert_read_as_the_contract_reads(values: list[bytes], event: Event) -> None:
    found = _read(values, event)
    reasons = {at: reason(event, value) for at, value in enumerate(values)}
    assert _broken(found) == {at: told for at, told in reasons.items() if told}
    assert found.at.to_pylist() == [at for at, told in reasons.items() if not told]
    assert found.good.schema == arrow_schema(event)
    for row, at in zip(found.good.to_pylist(), found.at.to_pylist(), strict=True):
        assert row == _as_in_lake(decode(values[at], event), event)


def _as_in_lake(record: dict[str, Any], event: Event) -> dict[str, Any]:
    row = {}
    for field in event.fields:
        value = record.get(field.name)
        if field.type is Primitive.TIMESTAMP and value is not None:
            value = datetime.fromtimestamp(value // 1000, UTC).replace(microsecond=value % 1000 * 1000)
        elif field.type is Primitive.DOUBLE and value is not None:
            value = float(value)
        elif isinstance(value, list):
            value = [{field.name: item.get(field.name) for field in event.field("candidates").type.item.fields}  # type: ignore[union-attr]
                     for item in value]  # fmt: skip
        row[field.name] = value
    return row


def test_what_is_not_quite_json_is_judged_as_the_contract_judges_it() -> None:
    _assert_read_as_the_contract_reads(NEARLY_JSON, VITALS)
    for value in NEARLY_JSON:
        _assert_read_as_the_contract_reads([value], VITALS)
        _assert_read_as_the_contract_reads([value, GOOD.encode()] * 2, VITALS)


@pytest.mark.parametrize(
    "pair",
    [
        ("", GOOD + GOOD),
        (GOOD + "\n" + GOOD, " "),
        (GOOD + GOOD, GOOD + "\0" + GOOD),
        (GOOD[:-1] + ',"x":[{"y":1}', '{"z":2}]}'),
        (GOOD[:-1] + ',"x":"}', '{"}'),
        (GOOD[:-1] + ',"x":-Infinity}', GOOD[:-1] + ',"x":[{"y":NaN}]}'),
        (GOOD[:-1] + ',"x":' + "[" * 2000 + "]" * 2000 + "}", GOOD[:-1] + ',"x":"' + "[" * 2000 + '"}'),
        ("\ufeff" + GOOD, GOOD),
        (GOOD.replace('"a"', '"Info"'), GOOD.replace('"a"', '"\\ud800"')),
    ],
)
def test_records_cannot_make_up_for_each_other(pair: tuple[str, str]) -> None:
    for values in (pair, pair[::-1], (GOOD, *pair, GOOD)):
        _assert_read_as_the_contract_reads([value.encode() for value in values], VITALS)


def test_a_wrong_field_is_named_as_the_contract_names_it() -> None:
    records = all_spoilt()
    assert len(records) > 500
    for event in PARSED:
        _assert_read_as_the_contract_reads([value for each, value in records if each is event], event)


@given(st.data(), st.sampled_from(PARSED))
def test_any_bytes_are_judged_as_the_contract_judges_them(data: st.DataObject, event: Event) -> None:
    good = json.dumps(good_record(event)).encode()
    values = data.draw(st.lists(bent_records(event) | st.just(good), max_size=6))
    _assert_read_as_the_contract_reads(values, event)


@given(st.lists(st.integers(0, 299), max_size=8))
def test_one_that_cannot_be_read_does_not_cost_its_neighbours(places: list[int]) -> None:
    good = [GOOD.replace('"a"', f'"{number}"').encode() for number in range(300)]
    values = [b'{"event_id": 5}' if at in places else value for at, value in enumerate(good)]
    found = _read(values, VITALS)
    assert set(_broken(found)) == set(places)
    assert found.good["event_id"].to_pylist() == [str(at) for at in range(300) if at not in places]


def test_nothing_and_null_and_what_is_sliced() -> None:
    assert _read([], VITALS).good.num_rows == 0
    values = pa.array([b"x", GOOD.encode(), None, GOOD.encode()], pa.binary())
    found = read(values[1:], VITALS)
    assert (found.at.to_pylist(), list(_broken(found))) == ([0, 2], [1])


@pytest.mark.parametrize("event", PARSED, ids=lambda event: event.name)
def test_good_records_are_not_looked_at_one_by_one(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(reading, "decode")
    values = [json.dumps(good_record(event) | {"unknown": [{"a": None}]}).encode()] * 3
    assert _read(values, event).good.num_rows == 3


def test_nor_are_records_that_break_a_rule_or_are_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [GOOD, GOOD.replace('"longitude":2', '"longitude":200'), GOOD.replace('"event_id":"a",', ""), '{"\xff"}']
    reasons = ["longitude: above 180", "event_id: missing", "not UTF-8 at byte 2"]
    monkeypatch.delattr(reading, "decode")
    found = _read([value.encode("latin-1") for value in values * 2], VITALS)
    assert _broken(found) == dict(zip((1, 2, 3, 5, 6, 7), reasons * 2, strict=True))


@given(st.integers(0, 9), st.integers(1, 99), st.sampled_from([b'{"event_id": 5}', b"{]}", b'{"\xff": 1}']))
def test_any_share_of_what_cannot_be_read_is_found(first: int, every: int, wrong: bytes) -> None:
    good = [GOOD.replace('"a"', f'"{number}"').encode() for number in range(500)]
    broken = set(range(first, 500, every))
    found = _read([wrong if at in broken else value for at, value in enumerate(good)], VITALS)
    assert set(_broken(found)) == broken
    assert set(found.reasons.to_pylist()) == {reason(VITALS, wrong)}
    assert found.good["event_id"].to_pylist() == [str(at) for at in range(500) if at not in broken]

"""The reference reading of the contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from health_events import (
    ALERTS,
    DISPATCHES,
    EVENTS,
    VEHICLES,
    VITALS,
    WEATHER,
    ContractError,
    Event,
    Field,
    Primitive,
    decode,
    encode,
    violations,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_producer.records import VALUES, bent_records, good_record


def with_value(event: Event, name: str, value: Any) -> dict[str, Any]:
    return good_record(event) | {name: value}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_good_records_pass_and_come_back(event: Event) -> None:
    record = good_record(event) | {"unknown": {"a": [1, None, "é"]}}
    assert decode(encode(record), event) == record
    for field in event.fields:
        without = {name: value for name, value in record.items() if name != field.name}
        expected = [] if field.nullable else [f"{field.name}: missing"]
        assert list(violations(without, event)) == expected
        assert list(violations(without | {field.name: None}, event)) == expected


@given(st.data(), st.sampled_from(EVENTS))
def test_any_value_is_judged_field_by_field(data: st.DataObject, event: Event) -> None:
    field = data.draw(st.sampled_from(event.fields))
    found = list(violations(with_value(event, field.name, data.draw(VALUES)), event))
    assert all(violation.startswith(field.name) for violation in found)


@given(st.data(), st.sampled_from(EVENTS))
def test_any_bytes_are_an_event_or_a_contract_error(data: st.DataObject, event: Event) -> None:
    payload = data.draw(st.one_of(bent_records(event), st.binary()))
    try:
        record = decode(payload, event)
    except ContractError as error:
        assert str(error)
        return
    assert not list(violations(record, event))


@given(st.sampled_from([f for f in (*VITALS.fields, *WEATHER.fields) if f.maximum is not None]), st.data())
def test_bounds_are_inclusive(field: Field, data: st.DataObject) -> None:
    event = VITALS if field in VITALS.fields else WEATHER
    assert field.minimum is not None and field.maximum is not None
    inside = data.draw(st.integers(int(field.minimum), int(field.maximum)))
    beyond = data.draw(st.sampled_from([field.minimum - 1, field.maximum + 1]))
    whole = field.type is not Primitive.DOUBLE
    assert not list(violations(with_value(event, field.name, inside), event))
    (violation,) = violations(with_value(event, field.name, int(beyond) if whole else beyond), event)
    assert violation.startswith(f"{field.name}: {'below' if beyond < field.minimum else 'above'} ")


@pytest.mark.parametrize(
    ("event", "field", "value", "violation"),
    [
        (VITALS, "observed_at", 1_790_000_000_000.0, "observed_at: not of type timestamp"),
        (VITALS, "observed_at", True, "observed_at: not of type timestamp"),
        (VITALS, "spo2", True, "spo2: not of type double"),
        (VITALS, "spo2", "97", "spo2: not of type double"),
        (VITALS, "spo2", float("nan"), "spo2: not of type double"),
        (VITALS, "spo2", 10**400, "spo2: not of type double"),
        (VITALS, "canary", 1, "canary: not of type boolean"),
        (VITALS, "event_id", "\U0001f691" * 65, "event_id: longer than 64 characters"),
        (VEHICLES, "status", "asleep", "status: not one of idle, dispatched, on_scene, returning, out_of_service"),
        (WEATHER, "air_quality_index", 2**31, "air_quality_index: not of type integer"),
        (DISPATCHES, "candidates", {}, "candidates: not a list"),
        (DISPATCHES, "candidates", [5], "candidates[0]: not an object"),
        (DISPATCHES, "candidates", [good_record(DISPATCHES)["candidates"][0] | {"distance_km": -1}],
         "candidates[0].distance_km: below 0"),
    ],
)  # fmt: skip
def test_a_violation_names_the_field_and_the_rule_but_no_value(
    event: Event, field: str, value: Any, violation: str
) -> None:
    assert list(violations(with_value(event, field, value), event)) == [violation]


def test_all_violations_are_found() -> None:
    record = good_record(ALERTS) | {"latitude": 91, "severity": "mild"}
    del record["area"]
    found = {violation.split(":")[0] for violation in violations(record, ALERTS)}
    assert found == {"latitude", "severity", "area"}


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "not JSON: "),
        (b"[]", "not an object but list"),
        (b'{"a": Infinity}', "not JSON: Infinity is no JSON number"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b'{"a": "\\ud800"}', "not JSON: half a surrogate pair in a string"),
        (b'{"a": ' * 100_000, "nested too deeply"),
        (json.dumps(good_record(VITALS)).encode("utf-16"), "not UTF-8 at byte 0"),
    ],
)
def test_what_is_no_json_says_so(payload: bytes, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        decode(payload, VITALS)
    assert str(caught.value).startswith(problem)


def test_endless_integers_are_doubles_or_refused_but_never_a_crash() -> None:
    digits = b"9" * 5000
    assert decode(json.dumps(good_record(VITALS)).encode()[:-1] + b', "unknown": ' + digits + b"}", VITALS)
    with pytest.raises(ContractError, match="heart_rate: not of type double"):
        decode(json.dumps(with_value(VITALS, "heart_rate", 0)).encode().replace(b": 0", b": " + digits), VITALS)


def test_nothing_but_json_is_ever_encoded() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        encode({"spo2": float("nan")})

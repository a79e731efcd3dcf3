"""The fast check says what the reference says, of any bytes."""

from __future__ import annotations

import json

import msgspec
import pytest
from health_events import EVENTS, SOURCES, VITALS, ContractError, Event, decode
from health_producer.checking import Bad, Checker, Good, struct_type
from health_producer.sources import Broken, Item
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_producer.records import bent_records, good_record


def is_kept(payload: bytes, event: Event) -> bool:
    try:
        decode(payload, event)
    except ContractError:
        return False
    return True


@given(st.data(), st.sampled_from(EVENTS))
def test_what_msgspec_lets_through_the_reference_lets_through(data: st.DataObject, event: Event) -> None:
    payload = data.draw(bent_records(event))
    try:
        msgspec.json.decode(payload, type=struct_type(event))
        payload.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert is_kept(payload, event)


@given(st.data(), st.sampled_from(SOURCES))
def test_verdict_is_the_references_and_bytes_are_untouched(data: st.DataObject, event: Event) -> None:
    payload = data.draw(bent_records(event))
    verdict = Checker(event)(Item("7", msgspec.Raw(payload)))
    assert isinstance(verdict, Good) == is_kept(payload, event)
    assert (verdict.value, verdict.cursor) == (payload, "7")
    if isinstance(verdict, Good):
        record = json.loads(payload)
        assert (verdict.key, verdict.observed_at) == (record["entity_id"], record["observed_at"])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_good_records_take_the_fast_path(event: Event) -> None:
    payload = json.dumps(good_record(event) | {"unknown": [{"a": None}]}).encode()
    decoded = msgspec.json.decode(payload, type=struct_type(event))
    assert all(hasattr(decoded, field.name) for field in event.fields)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'"a record?"', "not an object but str"),
        (b'{"event_id": "secret-7"', "not JSON: Expecting ',' delimiter: line 1 column 24 (char 23)"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "nested too deeply"),
        (json.dumps(good_record(VITALS) | {"heart_rate": 1e9}).encode(), "heart_rate: above 300"),
        (json.dumps(good_record(VITALS) | {"activity": "secret"}).encode(),
         "activity: not one of resting, walking, running, sleeping"),
        (json.dumps(good_record(VITALS) | {"note": float("nan")}).encode(), "not JSON: NaN is no JSON number"),
    ],
)  # fmt: skip
def test_reason_says_what_is_wrong_and_nothing_private(payload: bytes, reason: str) -> None:
    assert Checker(VITALS)(Item("7", msgspec.Raw(payload))) == Bad(payload, "7", reason)


def test_last_of_two_members_of_one_name_counts_as_in_the_reference() -> None:
    payload = b'{"spo2": "?", ' + json.dumps(good_record(VITALS)).encode()[1:]
    assert isinstance(Checker(VITALS)(Item("7", msgspec.Raw(payload))), Good)


def test_broken_item_is_bad_with_a_bounded_reason() -> None:
    assert Checker(VITALS)(Broken(None, b"?", "x" * 9999)) == Bad(b"?", None, "x" * 512)

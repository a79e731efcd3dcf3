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

FOREVER = 4_102_444_800_000  # a clock that no reading is ahead of


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
    verdict = Checker(event, now_ms=lambda: FOREVER)(Item("7", msgspec.Raw(payload)))
    assert isinstance(verdict, Good) == (is_kept(payload, event) and not decode(payload, event).get("canary"))
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


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("canary", True, "canary: only the pipeline's own watcher sends canaries"),
        ("observed_at", 1_800_000_600_001, "observed_at: more than 10 minutes ahead of the clock"),
        ("observed_at", 1_800_000_600_001.0, "observed_at: not of type timestamp"),
    ],
)
def test_what_a_source_may_not_say(field: str, value: object, reason: str) -> None:
    payload = json.dumps(good_record(VITALS) | {field: value}).encode()
    assert Checker(VITALS, now_ms=lambda: 1_800_000_000_000)(Item("7", msgspec.Raw(payload))) == Bad(
        payload, "7", reason
    )


def test_clocks_may_differ_a_little_and_the_past_may_be_told() -> None:
    for observed_at in (1_800_000_600_000, 946_684_800_000):
        payload = json.dumps(good_record(VITALS) | {"observed_at": observed_at, "canary": False}).encode()
        assert isinstance(Checker(VITALS, now_ms=lambda: 1_800_000_000_000)(Item("7", msgspec.Raw(payload))), Good)


def test_the_reference_path_refuses_the_same() -> None:
    """A number beyond 64 bits is for the reference to judge, in a member that nobody knows."""
    for change in ({"canary": True}, {"observed_at": 4_000_000_000_000}):
        payload = json.dumps(good_record(VITALS) | change | {"unknown": 10**400}).encode()
        verdict = Checker(VITALS, now_ms=lambda: 1_800_000_000_000)(Item("7", msgspec.Raw(payload)))
        assert isinstance(verdict, Bad)
        assert verdict.reason.partition(":")[0] in change


@pytest.mark.parametrize(
    "trick",
    [
        "'; DROP TABLE vitals; --", "../../etc/passwd", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>",
        "a\u0000b", "line\nbreak", "\u001b[2Jcleared", "\u202egnirts", "=1+1", "%s%n", "x" * 64,
    ],
)  # fmt: skip
def test_a_trick_in_an_id_is_an_id(trick: str) -> None:
    """It is data, kept as it came: who uses ids puts them into no path, no SQL and no format."""
    payload = json.dumps(good_record(VITALS) | {"entity_id": trick}).encode()
    assert Checker(VITALS)(Item("7", msgspec.Raw(payload))) == Good(trick, payload, "7", 1_700_000_000_000)


def test_last_of_two_members_of_one_name_counts_as_in_the_reference() -> None:
    payload = b'{"spo2": "?", ' + json.dumps(good_record(VITALS)).encode()[1:]
    assert isinstance(Checker(VITALS)(Item("7", msgspec.Raw(payload))), Good)


def test_broken_item_is_bad_with_a_bounded_reason() -> None:
    assert Checker(VITALS)(Broken(None, b"?", "x" * 9999)) == Bad(b"?", None, "x" * 512)

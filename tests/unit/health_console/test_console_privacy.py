"""Nothing that a viewer is sent tells who a patient is."""

from __future__ import annotations

import json
import re

import pytest
from health_console.city import City
from health_console.frames import frame
from health_console.letters import Letter, Letters
from health_console.privacy import Names, Role, shape, unquoted
from health_events import EVENTS
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_console.records_of import NOW, alert, decision, vehicle

NAMES = Names(b"key")
FIELDS = {field.name for event in EVENTS for field in event.fields}


def told(role: Role) -> str:
    city = City()
    mine = "vehicle-1 was sent to patient-0815"
    records = [alert("patient-0815"), decision(patient="patient-0815", reason=mine), vehicle(),
               decision("released", "patient-0815", reason=f"{mine}; it is over"),
               alert("patient-0816"), decision("suppressed", "patient-0816", reason="patient-0816 waits")]  # fmt: skip
    for record in records:
        city.take(record)
    city.tick(NOW)
    return json.dumps(frame(city, city.since(None), NAMES, role, NOW))


def test_a_viewer_is_told_handles_and_no_ids() -> None:
    assert "patient-" not in told(Role.VIEWER)
    assert NAMES.patient("patient-0815", Role.VIEWER) in told(Role.VIEWER)
    assert "vehicle-1 was sent to" in told(Role.VIEWER)
    assert "patient-0815" in told(Role.PATIENTS)


def test_handles_tell_patients_apart_and_change_with_the_key() -> None:
    handles = {NAMES.patient(f"patient-{number}", Role.VIEWER) for number in range(500)}
    assert len(handles) > 495
    assert Names(b"other").patient("patient-1", Role.VIEWER) != NAMES.patient("patient-1", Role.VIEWER)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"heart_rate":"nine","entity_id":"patient-7"}', '{"heart_rate":"xxxx","entity_id":"xxxxxxx-0"}'),
        ('{"spo2": 88.5, "x": null', '{"spo2": 00.0, "x": null'),
        ("élan_4", "xxxx_0"),
    ],
)
def test_a_shape(text: str, left: str) -> None:
    assert shape(text) == left


@given(st.text() | st.text(alphabet='{}[]":,.-0123456789abc_ entity_id'))
def test_no_letter_or_digit_of_a_record_is_left_in_its_shape(text: str) -> None:
    found = shape(text)
    assert len(found) == len(text)
    for word in re.findall(r"\w+", found):
        assert word in FIELDS | {"true", "false", "null"} or set(word) <= set("x0_"), word


@given(st.binary(max_size=300), st.text(max_size=30))
def test_a_dead_letter_shows_a_viewer_nothing_that_it_holds(noise: bytes, name: str) -> None:
    letters = Letters()
    patient = f"patient-{name}-0815"
    payload = json.dumps({"entity_id": patient}).encode() + noise
    letters.add(Letter("vitals", f"entity_id: not {json.dumps(patient)}", NOW, payload))
    shown = json.dumps(letters.document(Role.VIEWER))
    assert "0815" not in shown
    (sample,) = letters.document(Role.PATIENTS)["samples"]
    assert sample["payload"].startswith('{"entity_id": "patient-')
    assert sample["bytes"] == len(payload)


def test_reasons_keep_what_they_say_until_they_quote() -> None:
    assert unquoted("heart_rate: above 300") == "heart_rate: above 300"
    assert unquoted("kind: 'anna' is not known") == "kind: 'xxxx' xx xxx xxxxx"


def test_reasons_and_samples_are_bounded() -> None:
    letters = Letters()
    for number in range(1000):
        letters.add(Letter("s" * 1000, f"reason {number}" * 200, NOW, b"x" * 100_000))
    assert len(json.dumps(letters.document(Role.PATIENTS))) < 40_000
    assert letters.document(Role.VIEWER)["counts"][-1]["source"] == "other reasons"
    assert sum(each["count"] for each in letters.document(Role.VIEWER)["counts"]) == 1000


def test_there_are_at_least_as_many_letters_as_are_listed() -> None:
    letters = Letters()
    for _ in range(3):
        letters.add(Letter("vitals", "heart_rate: above 300", NOW, b"{}"))
    assert [letters.document(Role.VIEWER, ever)["total"] for ever in (None, 0, 2, 3, 90)] == [3, 3, 3, 3, 90]

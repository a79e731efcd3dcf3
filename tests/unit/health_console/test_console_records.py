"""Kafka's records as the console reads them: those of the contract, and those that somebody made up to do harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from health_console.records import Alert, Decision, Vehicle, read
from health_events import DISPATCHES, violations
from hypothesis import given
from hypothesis import strategies as st

RECORD: dict[str, Any] = {
    "event_id": "e-1", "source": "vehicles", "entity_id": "vehicle-1", "observed_at": 1_767_355_200_000,
    "latitude": 51.5, "longitude": -0.1, "speed_kmh": 30.5, "heading_deg": 90.0, "kind": "ambulance", "status": "idle",
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


def test_a_report_of_the_contract_is_read() -> None:
    found = read(Vehicle, json.dumps(RECORD).encode())
    assert isinstance(found, Vehicle)
    assert (found.vehicle_id, found.status, found.dispatch_id) == ("vehicle-1", "idle", None)


def test_a_decision_as_dispatch_writes_it_is_read_with_its_candidates() -> None:
    candidate = {"vehicle_id": "vehicle-1", "distance_km": 0.5, "position_age_s": 0.1, "verdict": "chosen"}
    record = RECORD | {"source": "dispatch", "entity_id": "patient-1", "outcome": "dispatched", "reason": "nearest",
                       "alert_id": "a-1", "area": "default", "decided_at": 1_767_355_200_071, "metric": "spo2",
                       "value": 88.0, "rule": "spo2 <= 91", "severity": "critical", "radius_km": 5.0,
                       "candidates": [candidate], "retry_until": None}  # fmt: skip
    assert list(violations(record, DISPATCHES)) == []
    found = read(Decision, json.dumps(record).encode())
    assert isinstance(found, Decision)
    assert [each.verdict for each in found.candidates] == ["chosen"]


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"observed_at":1e999}',
        *(json.dumps(RECORD | bad).encode() for bad in (
            {"status": "flying"}, {"status": "idle\n"}, {"latitude": 91}, {"longitude": None}, {"heading_deg": "north"},
            {"entity_id": ""}, {"entity_id": "x" * 65}, {"entity_id": 7}, {"observed_at": 0}, {"observed_at": 2**70},
            {"heading_deg": 1e300},
        )),
    ],
    ids=lambda payload: repr(payload[:20]) + repr(payload[-30:]),
)  # fmt: skip
def test_what_breaks_the_contract_is_not_read(payload: bytes) -> None:
    assert read(Vehicle, payload) is None


@given(JSON, st.sampled_from([Vehicle, Alert, Decision]), st.sampled_from(sorted(RECORD)))
def test_nothing_that_is_put_into_a_record_raises(value: Any, kind: Any, field: str) -> None:
    read(kind, json.dumps(RECORD | {field: value}).encode(errors="replace"))

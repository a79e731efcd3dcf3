"""What dispatch writes and reads is what the contract says."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from health_dispatch.model import PATIENT_KINDS, Alert, Candidate, Decision, Report
from health_dispatch.records import from_record, to_record
from health_events import ALERTS, DISPATCHES, VEHICLES, Event, decode, encode

AT = 1_800_000_000_000
ALERT = Alert(alert_id="a", patient_id="p", observed_at=AT, latitude=51.5, longitude=-0.1, area="default",
              metric="spo2", value=88.0, rule="spo2 <= 91", severity="critical")  # fmt: skip
DISPATCHED = Decision(
    outcome="dispatched", reason="it is near", alert=ALERT, decided_at=AT + 5, dispatch_id="d", vehicle_id="v",
    distance_km=1.25, vehicle_latitude=51.51, vehicle_longitude=-0.1,
    candidates=(Candidate("v", 1.25, 0.4, "chosen"), Candidate("w", 2.5, 40.0, "stale")),
)  # fmt: skip
UNASSIGNED = Decision(outcome="unassigned", reason="none", alert=ALERT, decided_at=AT + 5, retry_until=AT + 9)


@pytest.mark.parametrize("decision", [DISPATCHED, UNASSIGNED])
def test_a_decision_survives_its_record(decision: Decision) -> None:
    record = decode(encode(to_record(decision, 5.0)), DISPATCHES)
    assert set(record) == {field.name for field in DISPATCHES.fields}
    assert from_record(record) == replace(decision, candidates=())


def test_records_of_different_decisions_have_different_ids() -> None:
    later = replace(UNASSIGNED, decided_at=AT + 6)
    assert len({to_record(one, 5.0)["event_id"] for one in (DISPATCHED, UNASSIGNED, later)}) == 3


@pytest.mark.parametrize(("kind", "event"), [(Report, VEHICLES), (Alert, ALERTS)])
def test_what_is_read_are_fields_of_the_contract(kind: type[msgspec.Struct], event: Event) -> None:
    for field in msgspec.structs.fields(kind):
        known = event.field(field.encode_name)
        assert known.nullable == (not field.required), field.name


def test_the_kinds_that_take_patients_are_kinds() -> None:
    assert set(VEHICLES.field("kind").values) >= PATIENT_KINDS

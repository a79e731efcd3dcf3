"""A decision as a record of the contract's DISPATCHES, and back: what is written is enough to rebuild the state."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from health_dispatch.model import Alert, Decision

SOURCE = "dispatch"

_SHARED = ("observed_at", "latitude", "longitude", "area", "metric", "value", "rule", "severity")
_OWN = (
    "outcome", "reason", "decided_at", "dispatch_id", "vehicle_id", "distance_km", "vehicle_latitude",
    "vehicle_longitude", "retry_until",
)  # fmt: skip


def to_record(decision: Decision, radius_km: float) -> dict[str, Any]:
    """The record that tells of a decision; its event id is a hash of what was decided about which alert, and when."""
    alert = decision.alert
    told = f"{alert.alert_id}|{decision.outcome}|{decision.dispatch_id}|{decision.decided_at}"
    return {
        "event_id": hashlib.sha256(told.encode()).hexdigest()[:32],
        "source": SOURCE,
        "entity_id": alert.patient_id,
        "alert_id": alert.alert_id,
        "radius_km": radius_km,
        **{name: getattr(alert, name) for name in _SHARED},
        **{name: getattr(decision, name) for name in _OWN},
        "candidates": [dataclasses.asdict(candidate) for candidate in decision.candidates],
    }


def from_record(record: Mapping[str, Any]) -> Decision:
    """The decision in a record, all but its candidates, which no later decision depends on. KeyError if one lacks."""
    alert = Alert(
        alert_id=record["alert_id"],
        patient_id=record["entity_id"],
        **{name: record[name] for name in _SHARED},
    )
    own: dict[str, Any] = {name: record.get(name) for name in _OWN}
    return Decision(alert=alert, **own)

"""Records of Kafka as the console reads them."""

from __future__ import annotations

from typing import Any

from health_console.records import Alert, Candidate, Decision, Vehicle

NOW = 1_767_355_200_000
PLACE: dict[str, Any] = {"latitude": 51.5, "longitude": -0.12}
READING: dict[str, Any] = PLACE | {"area": "default", "metric": "spo2", "value": 88.0, "rule": "spo2 <= 91",
                                   "severity": "critical"}  # fmt: skip


def vehicle(name: str = "vehicle-1", at: int = NOW, status: str = "idle", dispatch: str | None = None) -> Vehicle:
    return Vehicle(observed_at=at, **PLACE, heading_deg=90.0, kind="ambulance", status=status, vehicle_id=name,
                   dispatch_id=dispatch)  # fmt: skip


def alert(patient: str = "patient-1", at: int = NOW, name: str = "alert-1", **own: Any) -> Alert:
    return Alert(observed_at=at, patient_id=patient, alert_id=name, **READING | own)


def decision(outcome: str = "dispatched", patient: str = "patient-1", at: int = NOW, **own: Any) -> Decision:
    """One that sends vehicle-1 under dispatch-1, unless told otherwise."""
    sent: dict[str, Any] = {}
    if outcome in ("dispatched", "released"):
        looked_at = Candidate("vehicle-1", 0.5, 0.2, "chosen"), Candidate("vehicle-2", 0.7, 0.1, "farther")
        sent = {"dispatch_id": "dispatch-1", "vehicle_id": "vehicle-1", "distance_km": 0.5, "candidates": looked_at}
    told = READING | {"outcome": outcome, "reason": "because", "alert_id": "alert-1", "radius_km": 5.0}
    return Decision(observed_at=at, decided_at=at + 50, patient_id=patient, **told | sent | own)

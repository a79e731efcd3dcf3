"""What the page of the city is told, as JSON documents; pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from health_console.city import UNDER_WAY, Call, Changes, City, Phase
from health_console.privacy import Names, Role
from health_console.records import Candidate, Decision, Vehicle

_DECIMALS = 6  # of a degree: 0.1 m
_TAKES_PATIENTS = ("ambulance", "rapid_response")


def frame(city: City, changes: Changes, names: Names, role: Role, now: int) -> dict[str, Any]:
    """Changes as the page takes them in; ``totals`` are always there. ``now`` is UTC ms."""
    return {
        "now": now,
        "whole": changes.is_whole,
        "vehicles": [_vehicle(report) for report in changes.vehicles],
        "calls": [_call(call, names, role) for call in changes.calls],
        "gone": {"vehicles": changes.gone_vehicles, "calls": changes.gone_calls},
        "totals": totals(city, now),
    }


def totals(city: City, now: int) -> dict[str, int]:
    """The figures at the top of the page."""
    phases = Counter(call.phase for call in city.calls())
    takers = [report for report in city.vehicles() if report.kind in _TAKES_PATIENTS]
    return {
        "alarms": sum(call.is_alarm(now) for call in city.calls()),
        "under_way": sum(phases[phase] for phase in UNDER_WAY),
        "waiting": phases[Phase.WAITING],
        "free": sum(report.status == "idle" for report in takers),
        "vehicles": len(takers),
    }


def _vehicle(report: Vehicle) -> dict[str, Any]:
    return {
        "id": report.vehicle_id,
        "lat": round(report.latitude, _DECIMALS),
        "lon": round(report.longitude, _DECIMALS),
        "heading": round(report.heading_deg),
        "kind": report.kind,
        "status": report.status,
        "at": report.observed_at,
    }


def _call(call: Call, names: Names, role: Role) -> dict[str, Any]:
    reading = call.reading
    return {
        "number": call.number,
        "patient": names.patient(call.patient_id, role),
        "phase": call.phase,
        "lat": round(reading.latitude, _DECIMALS),
        "lon": round(reading.longitude, _DECIMALS),
        "area": reading.area,
        "metric": reading.metric,
        "value": round(reading.value, 1),
        "rule": reading.rule,
        "severity": reading.severity,
        "first_at": call.first_at,
        "at": reading.observed_at,
        "alerts": call.alerts,
        "suppressed": names.text(call.suppressed, call.patient_id, role),
        "ended": names.text(call.ended, call.patient_id, role),
        "ended_at": call.ended_at,
        "story": _story(call.decision, names, role) if call.decision else None,
    }


def _story(decision: Decision, names: Names, role: Role) -> dict[str, Any]:
    """Why this vehicle, or why none."""
    return {
        "outcome": decision.outcome,
        "reason": names.text(decision.reason, decision.patient_id, role),
        "metric": decision.metric,
        "value": round(decision.value, 1),
        "rule": decision.rule,
        "observed_at": decision.observed_at,
        "decided_at": decision.decided_at,
        "vehicle": decision.vehicle_id,
        "km": None if decision.distance_km is None else round(decision.distance_km, 3),
        "radius_km": decision.radius_km,
        "retry_until": decision.retry_until,
        "candidates": [_candidate(each) for each in decision.candidates],
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "vehicle": candidate.vehicle_id,
        "km": round(candidate.distance_km, 2),
        "age_s": round(candidate.position_age_s, 1),
        "verdict": candidate.verdict,
    }

"""Who is sent: pure. The same state, alerts and moment give the same decisions, down to their ids.

``nearestIdle``: calls are answered by severity, then age, then alert id; each gets the nearest vehicle of its area that
is idle, can take a patient, was heard of within the position TTL and is inside the radius. Equal distances go to the
lower vehicle id.

When an assignment ends ('released') and its patient was not reached, the alert is decided again in the same breath, so
that its new outcome is committed with the release: 'dispatched' under a new dispatch id, or 'unassigned'. If the
vehicle had taken the order, the alert may wait as long again as a new one, however old the reading is: somebody was
promised to the patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from health_dispatch.choice import Look
from health_dispatch.endings import ending
from health_dispatch.model import Alert, Decision, Limits
from health_dispatch.state import Assignment, State

_RANK = {"critical": 0, "warning": 1}


def decide(state: State, alerts: Iterable[Alert], now: int, limits: Limits, partition: int) -> list[Decision]:
    """Everything to be decided at ``now`` (UTC ms) about one partition's new alerts, waiting ones and assignments.

    Alerts that are decided already (sent again by a source that restarted) and canaries get no decision.
    """
    work = _Pass(state, now, limits)
    calls = work.release([one for one in state.open.values() if one.partition == partition])
    fresh = {one.alert_id: one for one in alerts if one.alert_id not in state.decided and not one.canary}
    calls += [_Call(alert, work.retry_until(alert), is_new=True) for alert in fresh.values()]
    waiting = [one for one in state.waiting.values() if one.partition == partition]
    calls += [_Call(one.alert, one.retry_until, waits=True) for one in waiting]
    for call in sorted(calls, key=lambda call: _urgency(call.alert)):
        work.answer(call)
    return work.decisions


@dataclass(frozen=True)
class _Call:
    """An alert that asks for a vehicle: new, waiting, or returned because the one sent did not reach the patient."""

    alert: Alert
    until: int
    is_new: bool = False
    waits: bool = False


class _Pass:
    """The state as it is, and on top of it what has been decided in this pass."""

    def __init__(self, state: State, now: int, limits: Limits) -> None:
        self._state, self._now, self._limits = state, now, limits
        self._look = Look(state.fleet, now, limits)
        self._sent: dict[str, str] = {}  # patient -> vehicle that this pass sends
        self._ended: dict[str, bool] = {}  # dispatch id of an assignment that this pass ends -> was the patient reached
        self._waits: dict[str, dict[str, Alert]] = {}  # patient -> its waiting alerts by id
        for one in state.waiting.values():
            self._waits.setdefault(one.alert.patient_id, {})[one.alert.alert_id] = one.alert
        self.decisions: list[Decision] = []

    def retry_until(self, alert: Alert) -> int:
        """How long a call that starts now may wait; not beyond the alert's own life."""
        return min(self._now + self._limits.retry_for, alert.observed_at + self._limits.alert_ttl)

    def release(self, assignments: list[Assignment]) -> list[_Call]:
        """End the assignments that are over; the calls that come back because of it."""
        returned = []
        for one in sorted(assignments, key=lambda one: (one.decided_at, one.dispatch_id)):
            end = ending(one, self._state, self._now, self._limits)
            if end is None:
                continue
            self._ended[one.dispatch_id] = end.is_served
            self._decide(one.alert, "released", end.reason, dispatch_id=one.dispatch_id,
                         **self._vehicle(one.vehicle_id))  # fmt: skip
            if end.is_served:
                self._look.set_free(one.vehicle_id, self._state.offers_itself(one.vehicle_id))
            else:  # and the vehicle stays out of this pass, or it would get the same order again
                returned.append(_Call(one.alert, self._returns_until(one)))
        return returned

    def answer(self, call: _Call) -> None:
        """Decide about one call; a waiting one that nothing has changed for gets no decision."""
        why_not = self._why_not(call)
        if why_not is not None:
            self._decide(call.alert, "suppressed", why_not)
            self._stop_waiting(call.alert)
            return
        row = self._look.nearest(call.alert) if self._now <= call.until else None
        if row is not None:
            self._dispatch(call, row)
        elif self._now >= call.until or not call.waits:
            self._leave_unassigned(call)

    def _returns_until(self, failed: Assignment) -> int:
        """How long a call may wait that comes back.

        One whose vehicle was on its way begins anew. An order that nobody took goes on with the time that it had: else
        vehicles that never say that they take one would be sent round for ever, for patients of long ago.
        """
        if failed.is_acknowledged:
            return self._now + min(self._limits.retry_for, self._limits.alert_ttl)
        return max(self.retry_until(failed.alert), min(failed.retry_until or 0, self._now + self._limits.retry_for))

    def _why_not(self, call: _Call) -> str | None:
        """Why nobody need be sent at all; None when somebody is."""
        alert, limits = call.alert, self._limits
        age = self._now - alert.observed_at
        if call.is_new and age > limits.alert_ttl:
            return f"the reading is {age / 1000:.0f} s old, and an alert is history after {limits.alert_ttl / 1000:g} s"
        if alert.patient_id in self._sent:
            return f"{self._sent[alert.patient_id]} is being sent to this patient at this moment"
        sent = self._state.sent.get(alert.patient_id)
        if sent is not None and self._ended.get(sent.dispatch_id, True):
            since = self._now - sent.decided_at
            is_under_way = self._state.is_being_helped(alert.patient_id) and sent.dispatch_id not in self._ended
            if is_under_way or since < limits.patient_cooldown:
                return f"{sent.vehicle_id} was sent to this patient {since / 1000:.0f} s ago"
        waiting = self._waits.get(alert.patient_id, {}).values() if call.is_new else ()
        if any(_RANK[other.severity] <= _RANK[alert.severity] for other in waiting):
            return "this patient waits for a vehicle already"
        return None

    def _dispatch(self, call: _Call, row: int) -> None:
        alert = call.alert
        chosen = self._state.fleet.at(row).vehicle_id
        candidates = self._look.candidates(alert, row)
        distance_km = self._look.distance_km(alert, row)
        nearer = sum(one.verdict in ("busy", "stale") and one.distance_km < distance_km for one in candidates)
        reason = f"{chosen} is the nearest that can go: {distance_km:.2f} km" + (
            f"; {nearer} nearer passed over, busy or not heard of" if nearer else ""
        )
        dispatch_id = _id("dispatch", alert.alert_id, chosen, self._now)
        self._decide(alert, "dispatched", reason, dispatch_id=dispatch_id, distance_km=distance_km,
                     candidates=candidates, retry_until=call.until, **self._vehicle(chosen))  # fmt: skip
        self._look.set_free(chosen, False)
        self._sent[alert.patient_id] = chosen
        self._stop_waiting(alert)

    def _leave_unassigned(self, call: _Call) -> None:
        is_given_up = self._now >= call.until
        reason = self._look.why_none(call.alert)
        self._decide(
            call.alert,
            "unassigned",
            f"given up: {reason}" if is_given_up else reason,
            candidates=self._look.candidates(call.alert, None),
            retry_until=None if is_given_up else call.until,
        )
        self._stop_waiting(call.alert)
        if not is_given_up:
            self._waits.setdefault(call.alert.patient_id, {})[call.alert.alert_id] = call.alert

    def _stop_waiting(self, alert: Alert) -> None:
        self._waits.get(alert.patient_id, {}).pop(alert.alert_id, None)

    def _vehicle(self, vehicle_id: str) -> dict[str, Any]:
        report = self._state.fleet.report(vehicle_id)
        where = {"vehicle_latitude": report.latitude, "vehicle_longitude": report.longitude} if report else {}
        return {"vehicle_id": vehicle_id, **where}

    def _decide(self, alert: Alert, outcome: str, reason: str, **more: Any) -> None:
        self.decisions.append(Decision(outcome=outcome, reason=reason, alert=alert, decided_at=self._now, **more))


def _urgency(alert: Alert) -> tuple[int, int, str]:
    return _RANK[alert.severity], alert.observed_at, alert.alert_id


def _id(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]

"""When an assignment is over: pure."""

from __future__ import annotations

from dataclasses import dataclass

from health_dispatch.model import Limits, Report
from health_dispatch.state import Assignment, State

LONGEST_ASSIGNMENT = 24 * 60 * 60 * 1000  # ms; a vehicle lost for so long is no longer on its way to anybody


@dataclass(frozen=True)
class Ending:
    """Why an assignment is over, and whether its patient was reached."""

    reason: str
    is_served: bool


def ending(assignment: Assignment, state: State, now: int, limits: Limits) -> Ending | None:
    """How the assignment has ended by ``now``; None while it goes on.

    The vehicle's word ends it: idle again, out of service, or busy with something else after it had taken the order. A
    vehicle that has not taken the order within the ack timeout is released without it.
    """
    report = state.fleet.report(assignment.vehicle_id)
    told = _vehicles_word(assignment, report) if report is not None else None
    if told is not None:
        return told
    name = assignment.vehicle_id
    if not assignment.is_acknowledged and _now_of_fleet(state, now) > _ack_deadline(assignment, state, limits):
        return Ending(f"{name} did not take the order within {limits.ack_timeout / 1000:g} s", False)
    if now - assignment.decided_at > LONGEST_ASSIGNMENT:
        return Ending(f"{name} never reported an end within 24 h", True)
    return None


def _vehicles_word(assignment: Assignment, report: Report) -> Ending | None:
    is_about_this, has_taken_it = report.dispatch_id == assignment.dispatch_id, assignment.is_acknowledged
    if report.status == "idle" and is_about_this:
        return Ending(f"{report.vehicle_id} has served it and is idle again", True)
    if report.status == "idle" and has_taken_it:
        return Ending(f"{report.vehicle_id} is idle again", assignment.has_arrived)
    if report.status == "out_of_service" and has_taken_it:
        return Ending(f"{report.vehicle_id} went out of service", assignment.has_arrived)
    if has_taken_it and not is_about_this:
        return Ending(f"{report.vehicle_id} serves another order", assignment.has_arrived)
    return None


def _ack_deadline(assignment: Assignment, state: State, limits: Limits) -> int:
    # An acknowledgement may have come while nobody listened (before a restart): the time counts from when we listen.
    return max(assignment.decided_at, state.listening_since) + limits.ack_timeout


def _now_of_fleet(state: State, now: int) -> int:
    # When no report of any vehicle arrives, the feed is down and silence says nothing about one vehicle.
    return min(now, state.fleet.heard_until)

"""What dispatch knows, all of it out of topics: the same records give the same state, in whatever process.

The state changes only by what is on Kafka: reports as they are read, decisions once they are committed. So there is
nothing to undo when a transaction is aborted, and nothing to save.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from health_dispatch.fleet import Fleet, area_of
from health_dispatch.model import CLOCK_MARGIN, PATIENT_KINDS, Alert, Decision, Limits, Report


class Ignored(StrEnum):
    """Why a report changes nothing about who can be sent."""

    KIND = "kind"  # cannot take a patient
    AREA = "area"  # names an area that the pipeline does not have
    OLDER = "older"  # than the one that is known
    CLOCK = "clock"  # from a future that would make the vehicle fresh for ever


@dataclass
class Assignment:
    """A vehicle that is sent: open from 'dispatched' to 'released'. ``partition`` is the one its alert came by.

    ``retry_until``: until when the alert is tried again if the vehicle does not take the order.
    """

    dispatch_id: str
    vehicle_id: str
    alert: Alert
    partition: int
    decided_at: int
    retry_until: int | None
    is_acknowledged: bool = False  # the vehicle has reported this dispatch as its own
    has_arrived: bool = False  # the vehicle has reported to be with the patient, or on its way back


@dataclass(frozen=True)
class Waiting:
    """An unassigned alert that is tried again until ``retry_until``."""

    alert: Alert
    partition: int
    decided_at: int
    retry_until: int


@dataclass(frozen=True)
class Sent:
    """The last dispatch for a patient."""

    dispatch_id: str
    vehicle_id: str
    decided_at: int


class State:
    """The fleet, open assignments by vehicle, waiting alerts by id, last dispatches by patient, decided alert ids."""

    def __init__(self, areas: Collection[str]) -> None:
        self._known_areas = frozenset(areas)
        self.fleet = Fleet()
        self.open: dict[str, Assignment] = {}
        self.waiting: dict[str, Waiting] = {}
        self.sent: dict[str, Sent] = {}
        self.decided: dict[str, int] = {}
        self.listening_since = 0  # what vehicles said before this moment may have been missed

    def apply_report(self, report: Report, now: int) -> Ignored | None:
        """Take what a vehicle says of itself; the reason when that makes nobody free or busy.

        A vehicle that we have sent is busy, whatever it says, until the assignment is released: its report may be older
        than our decision.
        """
        if report.kind not in PATIENT_KINDS:
            return Ignored.KIND
        if report.observed_at > now + CLOCK_MARGIN:
            return Ignored.CLOCK
        known = self.fleet.report(report.vehicle_id)
        if known is not None and report.observed_at < known.observed_at:
            return Ignored.OLDER
        self.fleet.put(report)
        assignment = self.open.get(report.vehicle_id)
        if assignment is not None:
            _follow(assignment, report)
        self.fleet.set_free(report.vehicle_id, assignment is None and self.offers_itself(report.vehicle_id))
        return None if area_of(report) in self._known_areas else Ignored.AREA

    def apply_decision(self, decision: Decision, partition: int) -> None:
        """Take a committed decision; ``partition`` is that of its alert."""
        alert = decision.alert
        self.decided[alert.alert_id] = decision.decided_at
        if decision.outcome == "released":
            self._release(decision)
            return
        self.waiting.pop(alert.alert_id, None)
        if decision.outcome == "dispatched":
            self._dispatch(decision, partition)
        elif decision.outcome == "unassigned":
            if not self.is_being_helped(alert.patient_id):
                # Nobody came, or nobody would be asked for: a dispatch that failed starts no cool-down.
                self.sent.pop(alert.patient_id, None)
            if decision.retry_until is not None:
                self.waiting[alert.alert_id] = Waiting(alert, partition, decision.decided_at, decision.retry_until)

    def offers_itself(self, vehicle_id: str) -> bool:
        """Whether the vehicle's own last word is that it is idle, in an area of ours."""
        report = self.fleet.report(vehicle_id)
        return report is not None and report.status == "idle" and area_of(report) in self._known_areas

    def is_being_helped(self, patient_id: str) -> bool:
        """Whether a vehicle is assigned to this patient."""
        sent = self.sent.get(patient_id)
        if sent is None:
            return False
        assignment = self.open.get(sent.vehicle_id)
        return assignment is not None and assignment.dispatch_id == sent.dispatch_id

    def needed_since(self, partition: int, decisions: Iterable[Decision] = ()) -> int | None:
        """The moment from which on decisions must be read to know what is open or waits, of this partition.

        As it is once ``decisions`` are committed, too. None when nothing is: a partition that falls idle then must not
        keep a moment, or whoever takes it over weeks later would read the decisions of weeks.
        """
        ours = (one for one in self.open.values() if one.partition == partition)
        open_since = {one.dispatch_id: one.decided_at for one in ours}
        waiting = (one for one in self.waiting.values() if one.partition == partition)
        waits_since = {one.alert.alert_id: one.decided_at for one in waiting}
        for decision in decisions:
            if decision.outcome == "released":
                open_since.pop(decision.dispatch_id or "", None)
                continue
            waits_since.pop(decision.alert.alert_id, None)
            if decision.outcome == "dispatched":
                open_since[decision.dispatch_id or ""] = decision.decided_at
            elif decision.retry_until is not None:
                waits_since[decision.alert.alert_id] = decision.decided_at
        return min((*open_since.values(), *waits_since.values()), default=None)

    def forget(self, now: int, limits: Limits) -> None:
        """Drop what is too old to matter. An alert that waits or has a vehicle is known for as long as it does."""
        oldest = now - limits.memory
        underway = self.waiting.keys() | {one.alert.alert_id for one in self.open.values()}
        for alert_id in [key for key, decided_at in self.decided.items() if decided_at < oldest]:
            if alert_id not in underway:
                del self.decided[alert_id]
        for patient_id in [key for key, sent in self.sent.items() if sent.decided_at < oldest]:
            if not self.is_being_helped(patient_id):
                del self.sent[patient_id]

    def _dispatch(self, decision: Decision, partition: int) -> None:
        dispatch_id, vehicle_id = decision.dispatch_id or "", decision.vehicle_id or ""
        assignment = Assignment(
            dispatch_id, vehicle_id, decision.alert, partition, decision.decided_at, decision.retry_until
        )
        self.open[vehicle_id] = assignment
        self.sent[decision.alert.patient_id] = Sent(dispatch_id, vehicle_id, decision.decided_at)
        self.fleet.set_free(vehicle_id, False)
        report = self.fleet.report(vehicle_id)
        if report is not None:
            _follow(assignment, report)

    def _release(self, decision: Decision) -> None:
        assignment = self.open.get(decision.vehicle_id or "")
        if assignment is None or assignment.dispatch_id != decision.dispatch_id:
            return
        del self.open[assignment.vehicle_id]
        self.fleet.set_free(assignment.vehicle_id, self.offers_itself(assignment.vehicle_id))


def _follow(assignment: Assignment, report: Report) -> None:
    if report.dispatch_id == assignment.dispatch_id:
        assignment.is_acknowledged = True
        assignment.has_arrived |= report.status in ("on_scene", "returning")

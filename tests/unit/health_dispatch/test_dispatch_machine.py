"""Alerts, reports, time and crashes in any order, over a log that commits all or nothing; the rules hold in the log.

The log is a model of Kafka's for the pure core: what a transaction wrote is there whole or not at all, and a restarted
instance knows nothing but the log. (The real process on a real broker is tested under tests/integration.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from health_dispatch.model import Alert, Decision, Limits, Report
from health_dispatch.policy import decide
from health_dispatch.records import from_record, to_record
from health_dispatch.state import Assignment, State
from health_events import DISPATCHES, decode, encode
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

LIMITS = Limits(radius_km=3.0, position_ttl=30_000, patient_cooldown=300_000, retry_for=120_000, ack_timeout=60_000,
                alert_ttl=600_000)  # fmt: skip
START = 1_800_000_000_000
DEGREE_KM = 111.195  # on a meridian, where everybody here is

VEHICLES = st.sampled_from(["v1", "v2", "v3"])
PATIENTS = st.sampled_from(["p1", "p2", "p3"])
PLACES = st.integers(-4, 4).map(lambda step: step * 0.01)
CRASHES = st.sampled_from(["none", "none", "none", "aborted", "before commit", "after commit"])


@dataclass
class Log:
    """The topics, and the group's place with its metadata."""

    alerts: list[Alert] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)  # as they are read back from their records
    offset: int = 0
    since: int | None = None


@dataclass
class Instance:
    """A running dispatcher: what it knows, and how far it has read."""

    state: State
    next: int
    heard: int


@dataclass
class Vehicle:
    """A vehicle as it really is; one that is mute is not heard of."""

    latitude: float
    status: str = "idle"
    order: str | None = None
    is_mute: bool = False


class DispatchMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.log, self.now = Log(), START
        self.instance: Instance | None = None
        self.vehicles = {"v1": Vehicle(0.0), "v2": Vehicle(0.01), "v3": Vehicle(0.04)}
        self.reports_come()

    # The world

    @rule(by=st.sampled_from([1, 500, 5_000, 20_000, 61_000, 301_000, 4_000_000]), are_heard=st.booleans())
    def time_passes(self, by: int, are_heard: bool) -> None:
        self.now += by
        if are_heard:
            self.reports_come()

    def reports_come(self) -> None:
        self.now += 1  # no two reports of one moment
        self.log.reports += [
            Report(vehicle_id=name, observed_at=self.now, latitude=one.latitude, longitude=0.0, kind="ambulance",
                   status=one.status, dispatch_id=one.order)
            for name, one in self.vehicles.items() if not one.is_mute
        ]  # fmt: skip

    @rule(patient=PATIENTS, latitude=PLACES, severity=st.sampled_from(["critical", "warning"]),
          age=st.sampled_from([-2_000, 0, 30, 59_000, 599_000, 700_000]))  # fmt: skip
    def somebody_is_unwell(self, patient: str, latitude: float, severity: str, age: int) -> None:
        alert_id = f"alert-{len(self.log.alerts)}"
        self.log.alerts.append(
            Alert(alert_id=alert_id, patient_id=patient, observed_at=self.now - age, latitude=latitude, longitude=0.0,
                  area="default", metric="spo2", value=88.0, rule="spo2 <= 91", severity=severity)
        )  # fmt: skip

    @precondition(lambda self: self.log.alerts)
    @rule(data=st.data())
    def an_alert_is_sent_again(self, data: st.DataObject) -> None:
        self.log.alerts.append(data.draw(st.sampled_from(self.log.alerts)))

    @rule(vehicle=VEHICLES, latitude=PLACES, status=st.sampled_from(["idle", "idle", "on_scene", "out_of_service"]))
    def a_vehicle_changes(self, vehicle: str, latitude: float, status: str) -> None:
        self.vehicles[vehicle].latitude, self.vehicles[vehicle].status = latitude, status
        self.reports_come()

    @rule(vehicle=VEHICLES)
    def a_vehicle_takes_its_order(self, vehicle: str) -> None:
        mine = [one.dispatch_id for one in self.log.decisions if one.vehicle_id == vehicle]
        if mine:
            self.vehicles[vehicle].order, self.vehicles[vehicle].status = mine[-1], "dispatched"
            self.reports_come()

    @rule(vehicle=VEHICLES)
    def a_vehicle_serves_somebody_else(self, vehicle: str) -> None:
        self.vehicles[vehicle].order, self.vehicles[vehicle].status = "somebody else's", "dispatched"
        self.reports_come()

    @rule(vehicle=VEHICLES)
    def a_vehicle_falls_silent_or_is_heard_again(self, vehicle: str) -> None:
        self.vehicles[vehicle].is_mute = not self.vehicles[vehicle].is_mute

    # Dispatch

    @rule(crash=CRASHES, most=st.sampled_from([0, 1, 3, 100]))
    def dispatch_works(self, crash: str, most: int) -> None:
        me = self.instance = self.instance or self.restarted()
        for report in self.log.reports[me.heard :]:
            me.state.apply_report(report, self.now)
        me.heard = len(self.log.reports)
        arrived = self.log.alerts[me.next : me.next + most]
        decisions = decide(me.state, arrived, self.now, LIMITS, 0)
        assert decide(me.state, arrived, self.now, LIMITS, 0) == decisions, "not deterministic"
        if crash == "aborted":
            me.next = self.log.offset
            return
        if crash == "before commit":
            self.instance = None
            return
        self.check_choices(decisions)
        me.next += len(arrived)
        since = me.state.needed_since(0, decisions)
        records = [encode(to_record(one, LIMITS.radius_km)) for one in decisions]
        self.log.decisions += [from_record(decode(record, DISPATCHES)) for record in records]
        self.log.offset, self.log.since = me.next, since
        for decision in decisions:
            me.state.apply_decision(decision, 0)
        assert since == me.state.needed_since(0), "it is not what it would be once they are committed"
        me.state.forget(self.now, LIMITS)
        if crash == "after commit":
            self.instance = None

    def restarted(self) -> Instance:
        """What service does when it takes a partition over."""
        state = State(["default"])
        decided_since = LIMITS.decided_since(self.now, self.log.since)
        for decision in self.log.decisions:
            if decision.decided_at >= decided_since:
                state.apply_decision(decision, 0)
                state.forget(self.now, LIMITS)
        for report in self.log.reports:
            if report.observed_at >= LIMITS.heard_since(self.now):
                state.apply_report(report, self.now)
        state.listening_since = self.now
        return Instance(state, self.log.offset, len(self.log.reports))

    # What must hold

    def check_choices(self, decisions: list[Decision]) -> None:
        """Each vehicle sent is the nearest that could be, by loops over the log."""
        latest = {report.vehicle_id: report for report in self.log.reports}
        busy = set(open_assignments(self.log.decisions))
        again = {one.alert.alert_id for one in decisions if one.outcome != "released"}
        # Those that have served their patients can go at once.
        failed = {one.vehicle_id for one in decisions if one.outcome == "released" and one.alert.alert_id in again}
        for decision in decisions:
            if decision.outcome == "released":
                busy.discard(decision.vehicle_id or "")
            if decision.outcome not in ("dispatched", "unassigned"):
                continue
            able = {
                vehicle: round(abs(report.latitude - decision.alert.latitude) * DEGREE_KM, 3)
                for vehicle, report in latest.items()
                if report.status == "idle" and vehicle not in busy and self.now - report.observed_at <= 30_000
            }
            near = {vehicle: km for vehicle, km in able.items() if km <= LIMITS.radius_km}
            if decision.outcome == "unassigned":
                is_late = self.is_too_late_for(decision, decisions)
                assert decision.retry_until is None or not is_late
                assert is_late or set(near) <= failed, "somebody could have gone"
                told = {one.vehicle_id for one in decision.candidates if one.verdict == "too_late"}
                assert told == set(near) - failed, "the story blames something else"
                assert ("in reach, but the time to try is over" in decision.reason) == bool(told)
                assert ("farther than 3 km" in decision.reason) == bool(set(able) - set(near) - failed)
                continue
            vehicle = decision.vehicle_id or ""
            assert vehicle in near, "it could not go"
            assert all(near[vehicle] <= km or other in failed for other, km in near.items()), "a nearer one could go"
            busy.add(vehicle)

    def is_too_late_for(self, decision: Decision, decisions: list[Decision]) -> bool:
        """Whether the time to try for somebody who gets nobody was over before this moment, by the log."""
        alert_id = decision.alert.alert_id
        before = [one for one in self.log.decisions if one.alert.alert_id == alert_id]
        if not before:
            return False  # a new one is tried once, or told to be history
        if before[-1].outcome == "unassigned":
            return self.now > (before[-1].retry_until or 0)
        (released,) = [one for one in decisions if one.outcome == "released" and one.alert.alert_id == alert_id]
        if "did not take the order" not in released.reason:
            return False  # it had a vehicle on its way, and begins anew
        return self.now > max(decision.alert.observed_at + LIMITS.alert_ttl, before[-1].retry_until or 0)

    @invariant()
    def nobody_is_sent_twice(self) -> None:
        open_assignments(self.log.decisions)

    @invariant()
    def no_decision_is_repeated_or_contradicted(self) -> None:
        last: dict[str, Decision] = {}
        for one in self.log.decisions:
            before = last.get(one.alert.alert_id)
            is_history = one.decided_at - one.alert.observed_at > LIMITS.alert_ttl
            if before is None or (one.outcome == "suppressed" and is_history):
                is_allowed = True
            elif before.outcome == "released":  # decided again in the same breath, or never
                is_allowed = one.outcome != "released" and one.decided_at == before.decided_at
            elif before.outcome == "dispatched":
                is_allowed = one.outcome == "released"
            else:
                gives_up = one.outcome == "unassigned" and one.retry_until is None
                is_in_time = one.outcome == "dispatched" and one.decided_at <= (before.retry_until or 0)
                is_allowed = before.retry_until is not None and (gives_up or is_in_time or one.outcome == "suppressed")
            assert is_allowed, f"{one.outcome} after {before and before.outcome}"
            last[one.alert.alert_id] = one

    @invariant()
    def where_nothing_is_open_or_waits_there_is_no_moment_to_read_from(self) -> None:
        last = {one.alert.alert_id: one for one in self.log.decisions if one.outcome != "released"}
        waits = any(one.retry_until is not None for one in last.values() if one.outcome == "unassigned")
        assert (self.log.since is not None) == (bool(open_assignments(self.log.decisions)) or waits)

    @invariant()
    def a_restart_would_know_the_same(self) -> None:
        if self.instance is None:
            return
        live, again = self.instance.state, self.restarted().state
        assert {key: facts(one) for key, one in again.open.items()} == {
            key: facts(one) for key, one in live.open.items()
        }
        assert again.waiting == live.waiting
        recent = self.now - LIMITS.memory
        assert {key for key, at in live.decided.items() if at >= recent} <= set(again.decided)
        young = {key: one for key, one in live.sent.items() if one.decided_at >= recent}
        assert young.items() <= again.sent.items()

    def teardown(self) -> None:
        """Let it catch up: no alert is left without an outcome."""
        for _ in range(3):
            self.dispatch_works("none", len(self.log.alerts))
        decided = {one.alert.alert_id for one in self.log.decisions}
        assert decided == {alert.alert_id for alert in self.log.alerts}


def facts(assignment: Assignment) -> tuple[str, str, int]:
    return assignment.dispatch_id, assignment.alert.alert_id, assignment.decided_at


def open_assignments(decisions: list[Decision]) -> dict[str, str]:
    """Vehicle -> dispatch id as the log has it; AssertionError when a vehicle, patient or alert has two."""
    vehicles: dict[str, str] = {}
    patients: dict[str, str] = {}
    for one in decisions:
        vehicle, patient = one.vehicle_id or "", one.alert.patient_id
        if one.outcome == "dispatched":
            assert vehicle not in vehicles, f"{vehicle} is sent twice"
            assert patient not in patients, f"{patient} gets two vehicles"
            vehicles[vehicle] = patients[patient] = one.dispatch_id or ""
        elif one.outcome == "released":
            assert vehicles.pop(vehicle) == one.dispatch_id
            assert patients.pop(patient) == one.dispatch_id
    return vehicles


TestDispatchMachine = DispatchMachine.TestCase
TestDispatchMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

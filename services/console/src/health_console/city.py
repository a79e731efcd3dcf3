"""The city as Kafka's records tell it: vehicles, and calls with their stories. Bounded; pure. Times are UTC ms.

Everything has the version in which it last changed, so that ``since`` tells a client just what is new to it, however
long ago it asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from health_console.records import Alert, Decision, Reading, Vehicle

MOST_VEHICLES, MOST_CALLS, MOST_GONE = 5000, 400, 10_000
SILENT_MS = 10 * 60 * 1000  # a vehicle that was not heard of for so long is gone
ALARM_MS = 60 * 1000  # a patient is in alarm for so long after a reading
KEPT_MS = 15 * 60 * 1000  # a call that is over is told of for so long
LONGEST_MS = 60 * 60 * 1000  # and one that nothing is heard of any more is over: no record needs to have told its end


class Phase(StrEnum):
    """Where a call stands."""

    NEW = "new"  # nothing is decided yet
    WAITING = "waiting"  # nobody can go; it is tried again
    GIVEN_UP = "given_up"  # nobody could go
    COMING = "coming"  # a vehicle is on its way
    ON_SCENE = "on_scene"
    ENDED = "ended"  # the assignment is over
    SUPPRESSED = "suppressed"  # nobody need be sent: see the reason


UNDER_WAY = frozenset({Phase.COMING, Phase.ON_SCENE})
OPEN = UNDER_WAY | {Phase.NEW, Phase.WAITING}


@dataclass
class Call:
    """A patient in need, from the first alert until the assignment is over.

    ``decision`` has the story: the last one that sent somebody or could send nobody. ``ended`` says how it ended,
    ``heard_at`` when the vehicle that was sent last told of it.
    """

    number: int
    reading: Reading
    first_at: int
    alerts: int = 0
    phase: Phase = Phase.NEW
    decision: Decision | None = None
    suppressed: str = ""
    ended: str = ""
    ended_at: int | None = None
    heard_at: int = 0
    version: int = 0

    @property
    def patient_id(self) -> str:
        """Whose call it is."""
        return self.reading.patient_id

    def is_alarm(self, now: int) -> bool:
        """Whether the patient is to be shown as one in need."""
        return self.phase in OPEN or now - self.reading.observed_at <= ALARM_MS


@dataclass
class _Seen:
    report: Vehicle
    version: int


@dataclass(frozen=True)
class Changes:
    """What is new since a version. ``is_whole``: it is everything there is, and what is not in it is gone."""

    version: int
    is_whole: bool
    vehicles: list[Vehicle]
    calls: list[Call]
    gone_vehicles: list[str]
    gone_calls: list[int]


@dataclass
class _Gone:
    """What was there, the oldest first, and the version until which that is not known any more."""

    versions: OrderedDict[str | int, int] = field(default_factory=OrderedDict)
    forgotten: int = -1
    most: int = MOST_GONE

    def add(self, key: str | int, version: int) -> None:
        self.versions[key] = version
        self.versions.move_to_end(key)
        while len(self.versions) > self.most:
            self.forgotten = max(self.forgotten, self.versions.popitem(last=False)[1])

    def since(self, version: int) -> Iterator[str | int]:
        return (key for key, gone in self.versions.items() if gone > version)


class City:
    """Takes records in any order and again; ``tick`` closes a version."""

    def __init__(self) -> None:
        self.version = 0
        self._vehicles: OrderedDict[str, _Seen] = OrderedDict()
        self._calls: OrderedDict[int, Call] = OrderedDict()
        self._latest: dict[str, Call] = {}  # by patient
        self._assigned: dict[str, Call] = {}  # by dispatch id
        self._gone = _Gone()
        self._number = 0

    def take(self, record: Vehicle | Alert | Decision) -> None:
        """Take in a record."""
        if isinstance(record, Vehicle):
            self._report(record)
        elif isinstance(record, Alert):
            if not record.canary:
                self._alert(record)
        else:
            self._decide(record)

    def tick(self, now: int) -> int:
        """Forget what is too old or too much; the version that all since the last tick is in."""
        self._forget_vehicles(now)
        self._forget_calls(now)
        self.version += 1
        return self.version - 1

    def since(self, version: int | None) -> Changes:
        """What has changed after that version, of those that are closed; everything for None."""
        is_whole = version is None or version < self._gone.forgotten
        start = -1 if is_whole or version is None else version
        gone = [] if is_whole else list(self._gone.since(start))
        return Changes(
            version=self.version - 1,
            is_whole=is_whole,
            vehicles=[seen.report for seen in self._vehicles.values() if seen.version > start],
            calls=[call for call in self._calls.values() if call.version > start],
            gone_vehicles=[key for key in gone if isinstance(key, str)],
            gone_calls=[key for key in gone if isinstance(key, int)],
        )

    def vehicles(self) -> Iterator[Vehicle]:
        """The last report of each."""
        return (seen.report for seen in self._vehicles.values())

    def calls(self) -> Iterator[Call]:
        """All that are known, the oldest first."""
        return iter(self._calls.values())

    def _report(self, report: Vehicle) -> None:
        seen = self._vehicles.get(report.vehicle_id)
        if seen is not None and report.observed_at < seen.report.observed_at:
            return
        self._vehicles[report.vehicle_id] = _Seen(report, self.version)
        self._vehicles.move_to_end(report.vehicle_id)
        self._follow(report)

    def _follow(self, report: Vehicle) -> None:
        """What a vehicle does says where its call stands, before dispatch has written the end down."""
        call = self._assigned.get(report.dispatch_id or "")
        if call is None or call.phase not in UNDER_WAY or not _is_about(call, report.dispatch_id):
            return
        call.heard_at = max(call.heard_at, report.observed_at)
        if report.status == "on_scene" and call.phase is Phase.COMING:
            self._move(call, Phase.ON_SCENE)
        elif report.status == "returning":
            call.ended, call.ended_at = f"{report.vehicle_id} is on its way back", report.observed_at
            self._move(call, Phase.ENDED)

    def _alert(self, alert: Alert) -> None:
        call = self._latest.get(alert.patient_id)
        if call is None:
            call = self._open(alert)
        call.alerts += 1
        call.first_at = min(call.first_at, alert.observed_at)
        if alert.observed_at >= call.reading.observed_at:
            call.reading = alert
        call.version = self.version

    def _decide(self, decision: Decision) -> None:
        call = self._latest.get(decision.patient_id)
        if decision.outcome == "released":
            self._release(decision)
        elif decision.outcome == "suppressed":
            call = call or self._open(decision)
            if call.phase is Phase.NEW:
                call.suppressed = decision.reason
                self._move(call, Phase.SUPPRESSED)
        elif decision.dispatch_id is None or decision.dispatch_id not in self._assigned:
            is_another = call is None or call.phase in (Phase.ENDED, Phase.GIVEN_UP)
            call = self._open(decision) if call is None or is_another else call
            self._tell(call, decision)

    def _tell(self, call: Call, decision: Decision) -> None:
        if call.decision is not None and decision.decided_at < call.decision.decided_at:
            return
        if decision.observed_at > call.reading.observed_at:
            call.reading = decision
        call.decision = decision
        if decision.outcome == "dispatched":
            self._assigned[decision.dispatch_id or ""] = call
            self._move(call, Phase.COMING)
            if seen := self._vehicles.get(decision.vehicle_id or ""):
                self._follow(seen.report)
        else:
            self._move(call, Phase.WAITING if decision.retry_until else Phase.GIVEN_UP)

    def _release(self, decision: Decision) -> None:
        call = self._assigned.get(decision.dispatch_id or "")
        if call is not None and _is_about(call, decision.dispatch_id):
            call.ended, call.ended_at = decision.reason, decision.decided_at
            self._move(call, Phase.ENDED)

    def _open(self, reading: Reading) -> Call:
        self._number += 1
        call = Call(self._number, reading, reading.observed_at, version=self.version)
        self._calls[call.number] = self._latest[call.patient_id] = call
        return call

    def _move(self, call: Call, phase: Phase) -> None:
        call.phase, call.version = phase, self.version

    def _forget_vehicles(self, now: int) -> None:
        old = [key for key, seen in self._vehicles.items() if now - seen.report.observed_at > SILENT_MS]
        excess = max(0, len(self._vehicles) - len(old) - MOST_VEHICLES)
        rest = [key for key in self._vehicles if key not in set(old)] if excess else []
        for key in (*old, *rest[:excess]):
            del self._vehicles[key]
            self._gone.add(key, self.version)

    def _forget_calls(self, now: int) -> None:
        over = [call for call in self._calls.values() if self._is_over(call, now)]
        excess = len(self._calls) - len(over) - MOST_CALLS
        if excess > 0:
            left = [call for call in self._calls.values() if not self._is_over(call, now)]
            over += sorted(left, key=lambda call: (call.phase in OPEN, call.reading.observed_at))[:excess]
        for call in over:
            del self._calls[call.number]
            if self._latest.get(call.patient_id) is call:
                del self._latest[call.patient_id]
            self._gone.add(call.number, self.version)
        if over:
            dropped = {call.number for call in over}
            self._assigned = {key: call for key, call in self._assigned.items() if call.number not in dropped}

    @staticmethod
    def _is_over(call: Call, now: int) -> bool:
        decided_at = call.decision.decided_at if call.decision else 0
        last = max(call.reading.observed_at, call.heard_at, decided_at, call.ended_at or 0)
        if call.phase is Phase.SUPPRESSED or call.phase is Phase.NEW:
            return now - last > ALARM_MS
        return now - last > (LONGEST_MS if call.phase in OPEN else KEPT_MS)


def _is_about(call: Call, dispatch_id: str | None) -> bool:
    """Whether that is the assignment that the call's story is about."""
    return call.decision is not None and call.decision.dispatch_id == dispatch_id

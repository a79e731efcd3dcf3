"""The loop: read, decide, commit, and only then know about it.

A round is at once when alerts have come, and each second anyway, for waiting alerts and ending assignments. One thread
does it all: an alert is decided with every report that was there before it, and nothing needs a lock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from health_events import (
    ALERTS,
    DEFAULT_AREA,
    DISPATCHES,
    VEHICLES,
    ContractError,
    decode,
    encode,
    group_name,
    topic_name,
)
from health_pipeline.settings import DispatchSettings
from health_pipeline.telemetry import Telemetry

from health_dispatch.fleet import area_of
from health_dispatch.kafka import (
    Aborted,
    Alerts,
    Arrival,
    Client,
    Follower,
    Place,
    Stopped,
    Transactions,
    wait_for_topics,
)
from health_dispatch.metrics import Metrics
from health_dispatch.model import Alert, Decision, Limits, Report
from health_dispatch.policy import decide
from health_dispatch.records import from_record, to_record
from health_dispatch.state import Ignored, State

log = logging.getLogger(__name__)

_POLL_S = 0.05
_TICK_S = 1.0
_MOST_AREAS_LOGGED = 100

_read_report = msgspec.json.Decoder(Report).decode


@dataclass
class _Progress:
    """In one partition of alerts: the next offset to decide about, and the place that is committed."""

    next: int
    committed: Place


class Dispatcher:
    """One instance of dispatch."""

    def __init__(self, settings: DispatchSettings, stop: threading.Event, telemetry: Telemetry) -> None:
        self._limits, self._stop, self._telemetry = Limits.of(settings), stop, telemetry
        self._areas = [area.name for area in settings.areas] or [DEFAULT_AREA]
        self._metrics = Metrics(settings.pipeline)
        self._alerts_topic, self._vehicles_topic, self._dispatches_topic = (
            topic_name(settings.pipeline, event) for event in (ALERTS, VEHICLES, DISPATCHES)
        )
        group = group_name(settings.pipeline, "dispatch")
        client = Client(settings.client_config(), stop)
        self._client = client
        self._alerts = Alerts(client, self._alerts_topic, group)
        self._follower = Follower(client, f"{group}.state")
        self._transactions = Transactions(client, self._dispatches_topic, self._alerts_topic, group)
        self._generation = 0
        self._state = State(self._areas)
        self._progress: dict[int, _Progress] = {}
        self._unknown_areas: set[str] = set()
        self._ticked = 0.0

    def run(self) -> None:
        """Dispatch until stopped. kafka.Broken when this process cannot go on, but a new one can."""
        try:
            wait_for_topics(self._client, (self._alerts_topic, self._vehicles_topic, self._dispatches_topic))
            self._alerts.join()
            while not self._stop.is_set():
                self._turn()
        except Stopped:
            log.info("stopped while waiting for Kafka")
        finally:
            self._telemetry.ready.clear()
            self._transactions.close()
            self._follower.close()
            self._alerts.close()

    def _turn(self) -> None:
        arrivals = self._alerts.poll(_POLL_S)
        if self._alerts.generation != self._generation:
            self._generation = self._alerts.generation
            self._stand_down()
            if self._alerts.owned is not None:
                self._take_over(self._alerts.owned)
            return  # what was polled belongs to the time before
        for arrival in self._follower.poll():
            is_our_own = arrival.topic == self._dispatches_topic and arrival.partition in self._progress
            if not is_our_own:  # which the state has since it was committed
                self._take(arrival)
        is_tick = time.monotonic() - self._ticked >= _TICK_S
        for partition in self._progress:
            ours = [arrival for arrival in arrivals if arrival.partition == partition]
            if ours or is_tick:
                self._decide(partition, ours, is_tick)
        if is_tick:
            self._ticked = time.monotonic()
            self._state.forget(_now(), self._limits)
            self._metrics.show(self._state)

    def _stand_down(self) -> None:
        self._telemetry.ready.clear()
        self._transactions.close()
        self._follower.reset()
        self._progress = {}

    def _take_over(self, partitions: Iterable[int]) -> None:
        """Become the owner of these partitions: fence the former one, then read the state, then begin."""
        started = time.monotonic()
        self._transactions.open(partitions)
        places = self._alerts.places()
        if not self._build_state(places.values()):
            return  # the partitions are somebody else's now, or ours again: the next turn sees to it
        self._state.listening_since = _now()
        self._progress = {number: _Progress(places[number].offset, places[number]) for number in partitions}
        self._alerts.start({number: progress.next for number, progress in self._progress.items()})
        self._telemetry.ready.set()
        log.info(
            "deciding for partitions %s: %d vehicles, %d open assignments, %d waiting alerts, state built in %.2f s",
            sorted(self._progress), len(self._state.fleet), len(self._state.open), len(self._state.waiting),
            time.monotonic() - started,
        )  # fmt: skip

    def _build_state(self, places: Iterable[Place]) -> bool:
        """Read what the state is made of; False when the group has shared the partitions out anew meanwhile."""
        self._state = State(self._areas)
        now = _now()
        oldest = min((place.since for place in places if place.since is not None), default=None)
        decided_since, heard_since = self._limits.decided_since(now, oldest), self._limits.heard_since(now)
        for topic, since in ((self._dispatches_topic, decided_since), (self._vehicles_topic, heard_since)):
            for arrivals in self._follower.catch_up(topic, since):
                for arrival in arrivals:
                    self._take(arrival)
                self._state.forget(now, self._limits)  # or it would hold all that was read, and not what it is for
                # No partition is read yet, so no alert comes. But who does not poll for long is put out of the group,
                # and would begin all this again.
                self._alerts.poll(0)
                if self._alerts.generation != self._generation:
                    return False
        return True

    def _decide(self, partition: int, arrivals: list[Arrival], is_tick: bool) -> None:
        progress = self._progress[partition]
        alerts = {arrival.offset: alert for arrival in arrivals if (alert := self._read_alert(arrival)) is not None}
        now = _now()
        decisions = decide(self._state, alerts.values(), now, self._limits, partition)
        reached = arrivals[-1].offset + 1 if arrivals else progress.next
        place = Place(reached, self._state.needed_since(partition, decisions))
        # Alerts that need no decision are passed over at the next tick, not each in a transaction of its own.
        if decisions or (is_tick and place != progress.committed):
            try:
                self._commit(partition, decisions, place)
            except Aborted as error:
                log.warning("a transaction of partition %d was undone, deciding again: %s", partition, error)
                self._metrics.aborted()
                progress.next = progress.committed.offset
                self._alerts.rewind(partition, progress.committed.offset)
                return
            progress.committed = place
        progress.next = reached
        self._count(arrivals, alerts, decisions)
        for decision in decisions:
            self._state.apply_decision(decision, partition)

    def _commit(self, partition: int, decisions: list[Decision], place: Place) -> None:
        records = [(one.alert.area, encode(to_record(one, self._limits.radius_km))) for one in decisions]
        self._transactions.commit(partition, records, place, self._alerts.group_metadata())

    def _count(self, arrivals: list[Arrival], alerts: dict[int, Alert], decisions: list[Decision]) -> None:
        written_at = {arrival.offset: arrival.timestamp for arrival in arrivals}
        at_once = set()
        for offset, alert in alerts.items():
            if alert.alert_id not in self._state.decided:  # or its time was taken when it first came
                at_once.add(alert.alert_id)
                self._metrics.alert(written_at[offset] - alert.observed_at, is_canary=bool(alert.canary))
        now = _now()
        for decision in decisions:
            is_prompt = decision.alert.alert_id in at_once
            self._metrics.decision(decision.outcome, now - decision.alert.observed_at if is_prompt else None)

    def _take(self, arrival: Arrival) -> None:
        """A vehicle's report or a decision into the state."""
        try:
            if arrival.topic == self._dispatches_topic:
                decision = from_record(decode(arrival.payload, DISPATCHES))
                self._state.apply_decision(decision, arrival.partition)
            else:
                self._take_report(_read_report(arrival.payload))
        except (ContractError, msgspec.MsgspecError) as error:
            self._refuse(arrival, error)

    def _take_report(self, report: Report) -> None:
        ignored = self._state.apply_report(report, _now())
        if ignored is None:
            return
        self._metrics.report_ignored(ignored)
        area = area_of(report)
        if (
            ignored is Ignored.AREA
            and area not in self._unknown_areas
            and len(self._unknown_areas) < _MOST_AREAS_LOGGED
        ):
            self._unknown_areas.add(area)
            log.warning("vehicle %r is of area %r, which the pipeline does not have: not sent", report.vehicle_id, area)

    def _read_alert(self, arrival: Arrival) -> Alert | None:
        try:
            return msgspec.convert(decode(arrival.payload, ALERTS), Alert)
        except (ContractError, msgspec.ValidationError) as error:
            self._refuse(arrival, error)
            return None

    def _refuse(self, arrival: Arrival, error: Exception) -> None:
        self._metrics.bad_record(arrival.topic)
        log.warning("%s[%d]@%d is passed over: %s", arrival.topic, arrival.partition, arrival.offset, error)


def _now() -> int:
    return time.time_ns() // 1_000_000

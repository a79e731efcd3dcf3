"""What the records of alerts and dispatches tell: how many there are, and which canaries came through; pure.

A canary that is on Kafka and has no alert yet is what alerts are behind by: the one signal that is true in Real-time
Mode, too, where Spark says nothing for minutes. One that was overtaken is lost, and says nothing about lag: within a
partition alerts come in order.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from health_lag.records import fields

_MOST_UNDERWAY = 1000


@dataclass(frozen=True)
class Canary:
    """A canary that came through: when it was sent (UTC ms), and how long it took to its alert."""

    sent_ms: int
    latency_ms: float


@dataclass(frozen=True)
class Seen:
    """What Kafka has told so far; None for what is not known yet. ``canary`` is the newest that came through.

    ``awaited_ms``: when the oldest canary was sent that has no alert yet (UTC ms), None when there is no such.
    ``dispatch_lag_s``: age of the oldest alert that dispatch has not decided. Latencies are of the last minute.
    """

    alerts: int | None = None
    dispatches: int | None = None
    dead_letters: int | None = None
    canary: Canary | None = None
    awaited_ms: int | None = None
    dispatch_lag_s: float | None = None
    alert_p50_ms: float | None = None
    alert_p99_ms: float | None = None
    dispatch_p99_ms: float | None = None


@dataclass
class _Underway:
    sent_ms: int
    partition: int | None = None  # None until Kafka has it


class Outcomes:
    """Counts records, each of which it must be told once, and recognises the alerts of canaries that were sent."""

    def __init__(self) -> None:
        self.alerts = 0
        self.dispatches = 0
        self.canary: Canary | None = None
        self._underway: OrderedDict[str, _Underway] = OrderedDict()

    @property
    def awaited_ms(self) -> int | None:
        """When the oldest of those that Kafka has was sent (UTC ms); None when none is awaited."""
        return next((each.sent_ms for each in self._underway.values() if each.partition is not None), None)

    def sent(self, event_id: str, sent_ms: int) -> None:
        """A canary is on its way. Those that have been on it for longest are given up when there are too many."""
        self._underway[event_id] = _Underway(sent_ms)
        while len(self._underway) > _MOST_UNDERWAY:
            self._underway.popitem(last=False)

    def delivered(self, event_id: str, partition: int | None) -> None:
        """Kafka has that canary, in this partition; None: it never will."""
        if partition is None:
            self._underway.pop(event_id, None)
        elif event_id in self._underway:
            self._underway[event_id].partition = partition

    def alert(self, payload: bytes, written_ms: int) -> Canary | None:
        """A record of alerts, with the broker's timestamp; the canary if it is the first alert of one of ours."""
        # A cheap look first: at a start there can be millions to count.
        record = fields(payload) if b"canary" in payload else {}
        if record.get("canary") is not True:
            self.alerts += 1
            return None
        found = self._underway.pop(str(record.get("vital_event_id")), None)
        if found is None:
            return None
        self._forget_overtaken(found)
        canary = Canary(found.sent_ms, max(0.0, float(written_ms - found.sent_ms)))
        if self.canary is None or canary.sent_ms >= self.canary.sent_ms:
            self.canary = canary
        return canary

    def _forget_overtaken(self, by: _Underway) -> None:
        lost = [
            event_id
            for event_id, each in self._underway.items()
            if by.partition is not None and each.partition == by.partition and each.sent_ms < by.sent_ms
        ]
        for event_id in lost:
            del self._underway[event_id]

    def dispatch(self, payload: bytes) -> None:
        """A record of dispatches."""
        if b"dispatched" in payload and fields(payload).get("outcome") == "dispatched":
            self.dispatches += 1

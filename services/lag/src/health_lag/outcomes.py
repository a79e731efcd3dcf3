"""What the records of alerts and dispatches tell: how many there are, and which canaries came through; pure."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

_MOST_UNDERWAY = 1000


@dataclass(frozen=True)
class Canary:
    """A canary that came through: when it was sent (UTC ms), and how long it took to its alert."""

    sent_ms: int
    latency_ms: float


@dataclass(frozen=True)
class Seen:
    """What Kafka has told so far; None for what is not known yet. ``canary`` is the newest that came through."""

    alerts: int | None = None
    dispatches: int | None = None
    dead_letters: int | None = None
    canary: Canary | None = None


class Outcomes:
    """Counts records, each of which it must be told once, and recognises the alerts of canaries that were sent."""

    def __init__(self) -> None:
        self.alerts = 0
        self.dispatches = 0
        self.canary: Canary | None = None
        self._underway: OrderedDict[str, int] = OrderedDict()

    def sent(self, event_id: str, sent_ms: int) -> None:
        """A canary is on its way. Those that have been on it for longest are given up when there are too many."""
        self._underway[event_id] = sent_ms
        while len(self._underway) > _MOST_UNDERWAY:
            self._underway.popitem(last=False)

    def alert(self, payload: bytes, written_ms: int) -> Canary | None:
        """A record of alerts, with the broker's timestamp; the canary if it is the first alert of one of ours."""
        # A cheap look first: at a start there can be millions to count.
        record = _object(payload) if b"canary" in payload else {}
        if record.get("canary") is not True:
            self.alerts += 1
            return None
        sent_ms = self._underway.pop(str(record.get("vital_event_id")), None)
        if sent_ms is None:
            return None
        canary = Canary(sent_ms, max(0.0, float(written_ms - sent_ms)))
        if self.canary is None or canary.sent_ms >= self.canary.sent_ms:
            self.canary = canary
        return canary

    def dispatch(self, payload: bytes) -> None:
        """A record of dispatches."""
        if b"dispatched" in payload and _object(payload).get("outcome") == "dispatched":
            self.dispatches += 1


def _object(payload: bytes) -> dict[str, Any]:
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}

"""What the records of alerts and dispatches tell: how many there are, and which canaries came through; pure."""

from __future__ import annotations

from dataclasses import dataclass

from health_lag.canaries import Canaries, Canary
from health_lag.records import fields


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


class Outcomes:
    """Counts records, each of which it must be told once, and recognises the alerts of canaries that were sent."""

    def __init__(self) -> None:
        self.alerts = 0
        self.dispatches = 0
        self.canaries = Canaries()

    def alert(self, payload: bytes, written_ms: int) -> Canary | None:
        """A record of alerts, with the broker's timestamp; the canary if it is the first alert of one of ours."""
        # A cheap look first: at a start there can be millions to count.
        record = fields(payload) if b"canary" in payload else {}
        if record.get("canary") is not True:
            self.alerts += 1
            return None
        return self.canaries.through(str(record.get("vital_event_id")), written_ms)

    def dispatch(self, payload: bytes) -> None:
        """A record of dispatches."""
        if b"dispatched" in payload and fields(payload).get("outcome") == "dispatched":
            self.dispatches += 1

"""How long it took from a reading to its alert and to its dispatch, by the broker's own clock; pure.

It is read from the records and not from what dispatch counts: there may be several of dispatch, and whoever asks their
Service hears now one of them and now another. Times in ms, UTC.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

from health_lag.records import fields

WINDOW_MS = 60_000
# Alerts are sent again when their job has crashed, and a vehicle may be found long after the alert.
_REMEMBERED_MS = 60 * 60_000
_MOST, _MOST_REMEMBERED = 100_000, 50_000


class Firsts:
    """Tells the first record about something from those that follow, which are late by what happened in between."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def is_first(self, name: str) -> bool:
        """Whether it was not asked about that name before."""
        if name in self._seen:
            return False
        self._seen[name] = None
        if len(self._seen) > _MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return True


class Latencies:
    """Of one path, within the last minute."""

    def __init__(self) -> None:
        self._found: deque[tuple[int, int]] = deque(maxlen=_MOST)  # (written, took)

    def add(self, observed_ms: int, written_ms: int) -> None:
        """A reading's outcome was written."""
        self._found.append((written_ms, max(0, written_ms - observed_ms)))

    def ordered(self, now_ms: int) -> list[int]:
        """The shortest first."""
        begin = now_ms - WINDOW_MS
        while self._found and self._found[0][0] < begin:
            self._found.popleft()
        return sorted(took for written, took in self._found if written >= begin)  # partitions come in no order


class Paths:
    """Both paths. Each record must be told once, with the broker's timestamp."""

    def __init__(self) -> None:
        self._alerts, self._dispatches = Latencies(), Latencies()
        self._alerted, self._decided = Firsts(), Firsts()

    def alert(self, payload: bytes, written_ms: int, now_ms: int) -> None:
        """A record of alerts; one that was sent again is not late, its first one has come in time."""
        record = _recent(payload, written_ms, now_ms)
        observed = record.get("observed_at")
        if isinstance(observed, int) and self._alerted.is_first(str(record.get("event_id"))):
            self._alerts.add(observed, written_ms)

    def dispatch(self, payload: bytes, written_ms: int, now_ms: int) -> None:
        """A record of dispatches; one that had to wait for a vehicle says nothing about how fast they are made."""
        record = _recent(payload, written_ms, now_ms)
        observed = record.get("observed_at")
        if not isinstance(observed, int) or not self._decided.is_first(str(record.get("alert_id"))):
            return
        if record.get("outcome") == "dispatched":
            self._dispatches.add(observed, written_ms)

    def alert_ms(self, now_ms: int) -> tuple[float | None, float | None]:
        """The median and the p99 of the last minute; None when there was nothing."""
        took = self._alerts.ordered(now_ms)
        return quantile(took, 0.5), quantile(took, 0.99)

    def dispatch_ms(self, now_ms: int) -> float | None:
        """The p99 of the last minute; None when there was nothing."""
        return quantile(self._dispatches.ordered(now_ms), 0.99)


def quantile(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that this share of them does not exceed; None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _recent(payload: bytes, written_ms: int, now_ms: int) -> dict[str, Any]:
    # At a start there can be millions to read, of which nearly all are old.
    return fields(payload) if written_ms >= now_ms - _REMEMBERED_MS else {}

"""How long it took from a reading to its alert and to its dispatch, by the broker's own clock; pure."""

from __future__ import annotations

from collections import deque
from typing import Any

from health_lag.latencies import quantile

WINDOW_MS = 5 * 60 * 1000
LATE_MS = 60 * 1000  # a reading that comes later than this was late already: it says nothing about the path
_MOST = 20_000


class Latencies:
    """One path's latencies within the last five minutes, ms."""

    def __init__(self) -> None:
        self._found: deque[tuple[int, int]] = deque(maxlen=_MOST)  # (written, took)
        self._late: deque[int] = deque(maxlen=_MOST)

    def add(self, observed_at: int, written_at: int) -> None:
        """A reading's outcome was written; UTC ms."""
        took = written_at - observed_at
        if took > LATE_MS:
            self._late.append(written_at)
        else:
            self._found.append((written_at, max(0, took)))

    def summary(self, now: int) -> dict[str, Any]:
        """``count``, ``late``, ``p50``, ``p95``, ``p99`` and ``max`` in ms, None without any."""
        while self._found and self._found[0][0] < now - WINDOW_MS:
            self._found.popleft()
        while self._late and self._late[0] < now - WINDOW_MS:
            self._late.popleft()
        took = sorted(each for _, each in self._found)
        quantiles = {f"p{percent}": quantile(took, percent / 100) for percent in (50, 95, 99)}
        return {"count": len(took), "late": len(self._late), **quantiles, "max": took[-1] if took else None}

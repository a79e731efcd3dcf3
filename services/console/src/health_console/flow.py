"""How many records there are of a kind, and how many a second, by the time that the broker wrote them; pure.

They are counted here and not by who made them: of dispatch there may be several, and its Service lets now one answer
and now another. By the broker's time, what is read late or in one go makes no peak.
"""

from __future__ import annotations

from collections import Counter, deque

from health_console.latencies import WINDOW_MS

_RATE_S = 10  # that a rate is taken over
_MOST = 200_000


class Flow:
    """Records of one topic within the last five minutes. Times in ms, UTC."""

    def __init__(self) -> None:
        self._written: deque[tuple[int, str]] = deque(maxlen=_MOST)

    def add(self, written_at: int, kind: str = "") -> None:
        """A record."""
        self._written.append((written_at, kind))

    def per_second(self, now: int) -> float:
        """Over the last ten seconds."""
        return len(self._since(now, 1000 * _RATE_S)) / _RATE_S

    def counts(self, now: int) -> dict[str, int]:
        """By kind, within the last five minutes."""
        return Counter(self._since(now, WINDOW_MS))

    def _since(self, now: int, span: int) -> list[str]:
        while self._written and self._written[0][0] < now - WINDOW_MS:
            self._written.popleft()
        return [kind for written, kind in self._written if written >= now - span]  # partitions come in no order

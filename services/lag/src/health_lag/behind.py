"""How far a consumer group is behind a topic, in seconds: how old the oldest record is that it has not committed; pure.

Times of records are Kafka's own (UTC ms). Of each second one record is kept, and the newest: so much is exact, and a
topic that is long behind fits into little memory.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

_A_SECOND_MS = 1000
# Of each partition. When more than so many seconds have records that are not committed, the oldest ones are kept, for
# they are what is asked for.
_MOST = 100_000

# Offset, and UTC ms: not before, not after. They differ where the record itself was not kept.
_Mark = tuple[int, int, int]


class Behind:
    """Of one topic and one group. Offsets are as Kafka has them: a group commits the next one that it will read."""

    def __init__(self) -> None:
        self._marks: dict[int, deque[_Mark]] = defaultdict(deque)
        self._newest: dict[int, _Mark] = {}
        self._committed: dict[int, int] | None = None

    def record(self, partition: int, offset: int, written_ms: int) -> None:
        """A record that is there, in the order of its partition."""
        self._newest[partition] = (offset, written_ms, written_ms)
        if offset < (self._committed or {}).get(partition, 0):
            return
        marks = self._marks[partition]
        if not marks or (written_ms >= marks[-1][1] + _A_SECOND_MS and len(marks) < _MOST):
            marks.append((offset, written_ms, written_ms))

    def committed(self, offsets: Mapping[int, int]) -> None:
        """How far the group is, by partition; one that it has committed nothing of is left out."""
        self._committed = dict(offsets)
        for partition, marks in self._marks.items():
            _advance(marks, offsets.get(partition, 0), self._newest[partition][0])

    def seconds(self, now_ms: int) -> float | None:
        """0 when all is committed, None when nothing is known of the group."""
        if self._committed is None:
            return None
        waiting = [
            next((min(at, newest[2]) for offset, _, at in (*self._marks[partition], newest)
                  if offset >= self._next(partition)), None)
            for partition, newest in list(self._newest.items())
        ]  # fmt: skip
        return max((max(0, now_ms - at) / 1000 for at in waiting if at is not None), default=0.0)

    def _next(self, partition: int) -> int:
        return (self._committed or {}).get(partition, 0)


def _advance(marks: deque[_Mark], committed: int, newest: int) -> None:
    """Let go of what is committed. The oldest record that is not may be one that was not kept: then it is at most a
    second younger than the one before it that was.
    """
    passed: _Mark | None = None
    while marks and marks[0][0] < committed:
        passed = marks.popleft()
    is_kept = bool(marks) and marks[0][0] == committed
    if passed and not is_kept and newest >= committed:
        marks.appendleft((committed, passed[1], passed[1] + _A_SECOND_MS - 1))

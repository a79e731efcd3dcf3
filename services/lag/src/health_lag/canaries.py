"""Which canaries are awaited, and with that how far each partition of vitals has been processed; pure.

Who reads a partition keeps its order. So when the alert of a canary has come, everything before the canary has been
processed, and what was before it and has no alert is lost. Nothing else is as true in Real-time Mode, where Spark says
nothing for minutes; it is true to one canary.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Another is through that was behind it in its partition; there were too many to wait for; Kafka did not take it.
LOST = OVERTAKEN, GIVEN_UP, REFUSED = "overtaken", "given_up", "refused"
_MOST_AWAITED = 1000  # of each partition


@dataclass(frozen=True)
class Canary:
    """A canary that came through: when it was sent (UTC ms), and how long it took to its alert."""

    sent_ms: int
    latency_ms: float


@dataclass(frozen=True)
class PartitionLag:
    """How far a partition is behind; None for what is not known.

    ``records`` that were there when its newest canary was written, that one included, and are not known to be
    processed; ``seconds`` that its oldest canary has waited.
    """

    records: int | None
    seconds: float | None


@dataclass
class _Underway:
    event_id: str
    sent_ms: int
    partition: int | None = None  # None until Kafka has it
    offset: int = -1
    is_through: bool = False


@dataclass
class _Partition:
    processed: int | None = None  # everything before this offset is; None: not known
    end: int = 0  # behind the newest canary
    newest_ms: int = 0  # when that one was sent
    awaited: deque[_Underway] = field(default_factory=deque)  # by offset


class Canaries:
    """Those that were sent. Kafka must have been given those of a partition one after the other, as they were sent."""

    def __init__(self) -> None:
        self.newest: Canary | None = None  # of those that came through
        self.lost = dict.fromkeys(LOST, 0)
        self._underway: dict[str, _Underway] = {}
        self._partitions: dict[int, _Partition] = defaultdict(_Partition)

    @property
    def awaited_ms(self) -> int | None:
        """When the oldest of those that Kafka has was sent (UTC ms); None when none is awaited."""
        return min((part.awaited[0].sent_ms for part in self._partitions.values() if part.awaited), default=None)

    @property
    def processed(self) -> dict[int, int]:
        """By partition, the first offset that is not known to be processed: what a consumer group would commit."""
        return {number: part.processed for number, part in self._partitions.items() if part.processed is not None}

    def lags(self, now_ms: int, valid_for_ms: float) -> dict[int, PartitionLag]:
        """By partition. When none is awaited, and for so long none has been written, nothing is known."""
        return {number: _lag(part, now_ms, valid_for_ms) for number, part in self._partitions.items() if part.end}

    def begin(self, processed: Mapping[int, int]) -> None:
        """How far the partitions were processed before this began; it counts until a canary tells more."""
        for number, offset in processed.items():
            part = self._partitions[number]
            part.processed = offset if part.processed is None else part.processed

    def sent(self, event_id: str, sent_ms: int) -> None:
        """A canary is on its way."""
        self._underway[event_id] = _Underway(event_id, sent_ms)

    def delivered(self, event_id: str, partition: int, offset: int) -> None:
        """Kafka has that canary, there. Its alert may have come before word of this."""
        canary = self._underway.get(event_id)
        if canary is None:
            return
        part = self._partitions[partition]
        if offset < max(part.end, part.processed or 0):  # the topic was made anew
            self._give_up(part.awaited)
            part = self._partitions[partition] = _Partition()
        canary.partition, canary.offset = partition, offset
        part.end, part.newest_ms = offset + 1, canary.sent_ms
        part.awaited.append(canary)
        if canary.is_through:
            self._reached(part, offset)
        elif len(part.awaited) > _MOST_AWAITED:
            # The oldest tells for how long, and the newest how many: the one before it is missed least.
            self._give_up([part.awaited[-2]])
            del part.awaited[-2]

    def refused(self, event_id: str) -> None:
        """Kafka has not taken that canary, as far as anybody knows."""
        canary = self._underway.pop(event_id, None)
        if canary is not None and not canary.is_through:
            self.lost[REFUSED] += 1

    def through(self, event_id: str, written_ms: int) -> Canary | None:
        """An alert of that canary has come, with the broker's timestamp; None but for the first of one of ours."""
        canary = self._underway.get(event_id)
        if canary is None or canary.is_through:
            return None
        canary.is_through = True
        if canary.partition is not None:
            self._reached(self._partitions[canary.partition], canary.offset)
        came = Canary(canary.sent_ms, max(0.0, float(written_ms - canary.sent_ms)))
        if self.newest is None or came.sent_ms >= self.newest.sent_ms:
            self.newest = came
        return came

    def _reached(self, part: _Partition, offset: int) -> None:
        part.processed = max(offset + 1, part.processed or 0)
        while part.awaited and part.awaited[0].offset <= offset:
            canary = part.awaited.popleft()
            self._underway.pop(canary.event_id, None)
            self.lost[OVERTAKEN] += not canary.is_through

    def _give_up(self, canaries: Iterable[_Underway]) -> None:
        for canary in canaries:
            self._underway.pop(canary.event_id, None)
            self.lost[GIVEN_UP] += 1


def _lag(part: _Partition, now_ms: int, valid_for_ms: float) -> PartitionLag:
    records = None if part.processed is None else max(0, part.end - part.processed)
    if part.awaited:
        return PartitionLag(records, max(0, now_ms - part.awaited[0].sent_ms) / 1000)
    if now_ms - part.newest_ms > valid_for_ms:
        return PartitionLag(None, None)
    return PartitionLag(records, 0.0)

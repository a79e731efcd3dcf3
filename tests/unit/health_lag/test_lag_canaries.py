"""What canaries prove: how far each partition is processed, how far it is behind, and which canaries are lost."""

from __future__ import annotations

from collections import deque

import pytest
from health_lag import canaries as module
from health_lag.canaries import GIVEN_UP, OVERTAKEN, REFUSED, Canaries, Canary, PartitionLag
from hypothesis import given
from hypothesis import strategies as st

NOW_MS = 1_790_000_000_000
VALID_MS = 60_000
PARTITIONS = (0, 1)


class World:
    """Two partitions that somebody processes in order, who may lose what a canary should lead to.

    Alerts, and word of deliveries, come to the watcher late, and each in its own order.
    """

    def __init__(self) -> None:
        self.canaries = Canaries()
        self.now_ms = NOW_MS
        self.records: dict[int, list[str]] = {number: [] for number in PARTITIONS}  # ids of canaries, or nothing
        self.done = dict.fromkeys(PARTITIONS, 0)
        self.sent_ms: dict[str, int] = {}
        self.lost: set[str] = set()
        self.reports: deque[tuple[str, int, int]] = deque()
        self.alerts: deque[str] = deque()
        self.told: dict[int, int] = dict.fromkeys(PARTITIONS, 0)  # behind the newest canary that was reported
        self.through: set[str] = set()

    def write(self, partition: int, count: int) -> None:
        self.records[partition] += [""] * count

    def send(self, partition: int) -> None:
        event_id = f"c{len(self.sent_ms)}"
        self.sent_ms[event_id] = self.now_ms
        self.canaries.sent(event_id, self.now_ms)
        self.reports.append((event_id, partition, len(self.records[partition])))
        self.records[partition].append(event_id)

    def process(self, partition: int, count: int, *, loses: bool) -> None:
        place = self.done[partition]
        for event_id in filter(None, self.records[partition][place : place + count]):
            if loses:
                self.lost.add(event_id)
            else:
                self.alerts.append(event_id)
        self.done[partition] = min(place + count, len(self.records[partition]))

    def hear(self, of_reports: int, of_alerts: int) -> None:
        for _ in range(min(of_reports, len(self.reports))):
            event_id, partition, offset = self.reports.popleft()
            self.canaries.delivered(event_id, partition, offset)
            self.told[partition] = offset + 1
        for _ in range(min(of_alerts, len(self.alerts))):
            event_id = self.alerts.popleft()
            came = self.canaries.through(event_id, self.now_ms)
            assert came == Canary(self.sent_ms[event_id], self.now_ms - self.sent_ms[event_id])
            assert self.canaries.through(event_id, self.now_ms) is None
            self.through.add(event_id)

    def proven(self, partition: int) -> int | None:
        """Behind the newest canary that is through and was reported."""
        known = [
            offset + 1
            for offset, event_id in enumerate(self.records[partition][: self.told[partition]])
            if event_id in self.through
        ]
        return max(known, default=None)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(PARTITIONS), st.integers(1, 50)),
        st.tuples(st.just("send"), st.sampled_from(PARTITIONS)),
        st.tuples(st.just("process"), st.sampled_from(PARTITIONS), st.integers(1, 40), st.booleans()),
        st.tuples(st.just("hear"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.integers(1, 5000)),
    ),
    max_size=60,
)


def happen(world: World, step: tuple[object, ...]) -> None:
    match step:
        case ("write", int(partition), int(count)):
            world.write(partition, count)
        case ("send", int(partition)):
            world.send(partition)
        case ("process", int(partition), int(count), bool(loses)):
            world.process(partition, count, loses=loses)
        case ("hear", int(reports), int(alerts)):
            world.hear(reports, alerts)
        case ("wait", int(ms)):
            world.now_ms += ms


@given(steps)
def test_a_backlog_is_told_as_it_is_to_one_canary(happens: list[tuple[object, ...]]) -> None:
    world = World()
    for step in happens:
        happen(world, step)
        lags = world.canaries.lags(world.now_ms, VALID_MS)
        assert set(lags) == {number for number in PARTITIONS if world.told[number]}
        for number, lag in lags.items():
            proven = world.proven(number)
            assert world.canaries.processed.get(number) == proven
            assert proven is None or proven <= world.done[number], "nothing is committed that is not processed"
            waiting = [
                world.sent_ms[event_id]
                for event_id in world.records[number][proven or 0 : world.told[number]]
                if event_id
            ]
            if lag.records is not None:
                assert proven is not None
                assert lag.records == world.told[number] - proven
                assert lag.records >= world.told[number] - world.done[number], "never less than there is"
            assert lag.seconds == (world.now_ms - min(waiting)) / 1000 if waiting else lag.seconds in (0, None)


@given(steps)
def test_what_is_lost_is_counted_once_a_later_one_is_through_and_nothing_else(
    happens: list[tuple[object, ...]],
) -> None:
    world = World()
    for step in happens:
        happen(world, step)
    for number in PARTITIONS:  # all is well in the end
        world.process(number, len(world.records[number]), loses=False)
        world.send(number)
        world.process(number, 1, loses=False)
    world.hear(len(world.reports), len(world.alerts))
    assert world.canaries.lost == {OVERTAKEN: len(world.lost), GIVEN_UP: 0, REFUSED: 0}
    assert world.canaries.awaited_ms is None
    assert world.canaries.lags(world.now_ms, VALID_MS) == dict.fromkeys(PARTITIONS, PartitionLag(0, 0.0))
    assert world.canaries.processed == {number: len(world.records[number]) for number in PARTITIONS}


def sent(canaries: Canaries, *places: tuple[str, int, int]) -> None:
    for event_id, partition, offset in places:
        canaries.sent(event_id, NOW_MS + 1000 * offset)
        canaries.delivered(event_id, partition, offset)


def test_one_partition_of_several_that_stands_still_is_seen() -> None:
    canaries = Canaries()
    sent(canaries, ("a0", 0, 0), ("b0", 1, 0))
    canaries.through("a0", NOW_MS)
    canaries.through("b0", NOW_MS)
    sent(canaries, ("a1", 0, 500), ("b1", 1, 7), ("a2", 0, 900), ("b2", 1, 9))
    canaries.through("b1", NOW_MS + 10_000)
    canaries.through("b2", NOW_MS + 10_000)
    assert canaries.lags(NOW_MS + 900_000, VALID_MS) == {0: PartitionLag(900, 400.0), 1: PartitionLag(None, None)}
    assert canaries.lags(NOW_MS + 10_000, VALID_MS)[1] == PartitionLag(0, 0.0)
    assert canaries.processed == {0: 1, 1: 10}


def test_what_a_group_had_committed_counts_until_a_canary_is_through() -> None:
    canaries = Canaries()
    canaries.begin({0: 40, 1: 50})
    assert canaries.lags(NOW_MS, VALID_MS) == {}
    sent(canaries, ("a", 0, 100))
    assert canaries.lags(NOW_MS + 100_000, VALID_MS) == {0: PartitionLag(61, 0.0)}
    canaries.through("a", NOW_MS)
    canaries.begin({0: 40})
    assert canaries.processed == {0: 101, 1: 50}


def test_a_topic_that_was_made_anew_is_begun_anew() -> None:
    canaries = Canaries()
    sent(canaries, ("a", 0, 5000), ("b", 0, 6000))
    canaries.through("a", NOW_MS)
    sent(canaries, ("c", 0, 3))
    assert canaries.processed == {}
    assert canaries.lags(NOW_MS, VALID_MS)[0].records is None
    assert canaries.lost == {OVERTAKEN: 0, GIVEN_UP: 1, REFUSED: 0}
    canaries.through("b", NOW_MS)
    canaries.through("c", NOW_MS)
    assert canaries.processed == {0: 4}


def test_where_there_are_too_many_to_wait_for_the_oldest_and_the_newest_still_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_AWAITED", 5)
    canaries = Canaries()
    sent(canaries, *((f"c{number}", 0, number) for number in range(100)))
    canaries.begin({0: 0})
    assert canaries.lags(NOW_MS + 200_000, VALID_MS) == {0: PartitionLag(100, 200.0)}
    assert canaries.lost[GIVEN_UP] == 95
    for number in range(50):
        canaries.through(f"c{number}", NOW_MS)
    assert canaries.processed == {0: 4}
    canaries.through("c99", NOW_MS)
    assert canaries.processed == {0: 100}
    assert canaries.lost == {OVERTAKEN: 0, GIVEN_UP: 95, REFUSED: 0}


def test_what_kafka_did_not_take_is_awaited_by_nobody() -> None:
    canaries = Canaries()
    for event_id in ("a", "b"):
        canaries.sent(event_id, NOW_MS)
    canaries.refused("a")
    canaries.refused("a")
    canaries.through("b", NOW_MS)  # it was taken, and word of that was lost
    canaries.refused("b")
    canaries.delivered("a", 0, 7)
    assert canaries.awaited_ms is None
    assert canaries.lost == {OVERTAKEN: 0, GIVEN_UP: 0, REFUSED: 1}

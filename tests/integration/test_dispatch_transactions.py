"""What the take-over of a partition rests on: fencing, and a place that is committed with the decisions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from health_dispatch.kafka import Aborted, Alerts, Broken, Client, Follower, Place, Transactions, wait_for_topics
from health_events import group_name

MakeTopics = Callable[..., dict[str, str]]


class Member:
    """An instance as far as Kafka sees one."""

    def __init__(self, broker: str, topics: dict[str, str]) -> None:
        group = group_name(topics["pipeline"], "dispatch")
        self._client = Client({"bootstrap.servers": broker}, threading.Event())
        self._topics = topics
        wait_for_topics(self._client, (topics["alerts"], topics["dispatches"]))
        self.alerts = Alerts(self._client, topics["alerts"], group)
        self.follower = Follower(self._client, f"{group}.state")
        self.transactions = Transactions(self._client, topics["dispatches"], topics["alerts"], group)

    def join(self) -> None:
        self.alerts.join()
        while self.alerts.owned is None:
            self.alerts.poll(0.05)

    def commit(self, value: bytes, place: Place) -> None:
        self.transactions.commit(0, [("default", value)], place, self.alerts.group_metadata())

    def written(self) -> list[bytes]:
        self.follower.reset()
        read = self.follower.catch_up(self._topics["dispatches"], 0)
        return [arrival.payload for arrivals in read for arrival in arrivals]

    def close(self) -> None:
        self.follower.close()
        self.alerts.close()


@pytest.fixture
def make_member(broker: str, make_pipeline_topics: MakeTopics) -> Iterator[Callable[[], Member]]:
    topics = make_pipeline_topics()
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Member(broker, topics)))


def test_the_place_is_committed_with_the_decisions(make_member: Callable[[], Member]) -> None:
    member = make_member()
    member.join()
    assert member.alerts.places() == {0: Place(0, None)}
    member.transactions.open([0])
    member.commit(b"one", Place(3, 1_800_000_000_000))
    assert member.alerts.places() == {0: Place(3, 1_800_000_000_000)}
    assert member.written() == [b"one"]
    member.commit(b"two", Place(4, None))
    assert member.alerts.places() == {0: Place(4, None)}


def test_a_former_owner_cannot_commit(make_member: Callable[[], Member]) -> None:
    former, owner = make_member(), make_member()
    former.join()
    former.transactions.open([0])
    former.commit(b"in time", Place(1, 1))
    owner.transactions.open([0])
    with pytest.raises(Broken):
        former.commit(b"too late", Place(2, 2))
    assert owner.written() == [b"in time"]


def test_who_is_no_member_any_more_cannot_commit_even_with_the_newest_producer(
    make_member: Callable[[], Member],
) -> None:
    stranger = make_member()
    stranger.join()
    late = stranger.alerts.group_metadata()
    stranger.alerts.close()
    owner = make_member()
    owner.join()
    owner.transactions.open([0])
    stranger.transactions.open([0])
    with pytest.raises(Aborted):
        stranger.transactions.commit(0, [("default", b"too late")], Place(9, 9), late)
    assert owner.written() == []
    assert owner.alerts.places() == {0: Place(0, None)}

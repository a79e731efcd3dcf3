"""How far a group is, while whoever commits for it does so in transactions: as dispatch does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from health_events import ALERTS, group_name
from health_lag.kafka import Group
from health_pipeline.settings import LagSettings

from tests.conftest import MakeTopics


class Committer:
    """Commits a group's offsets of one partition in transactions, and can stop in the middle of one."""

    def __init__(self, broker: str, topic: str, group: str) -> None:
        self._topic = topic
        self._consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "enable.auto.commit": False})
        self._producer = Producer({"bootstrap.servers": broker, "transactional.id": group})
        self._producer.init_transactions(30)

    def begin(self, offset: int) -> None:
        self._producer.begin_transaction()
        place = [TopicPartition(self._topic, 0, offset)]
        self._producer.send_offsets_to_transaction(place, self._consumer.consumer_group_metadata(), 30)

    def commit(self) -> None:
        self._producer.commit_transaction(30)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def names(make_pipeline_topics: MakeTopics) -> dict[str, str]:
    return make_pipeline_topics(partitions={ALERTS.name: 1})


@contextmanager
def asking(settings: LagSettings, topic: str, group: str) -> Iterator[Group]:
    asked = Group(settings, topic, group)
    try:
        yield asked
    finally:
        asked.close()


def test_a_transaction_that_hangs_keeps_nobody_waiting(broker: str, names: dict[str, str]) -> None:
    """Kafka would say, again and again, that the offsets are about to change, and the watcher tell nothing else."""
    pipeline = names["pipeline"]
    settings = LagSettings(pipeline=pipeline, bootstrap_servers=broker, metrics_port=1, port=1, targets=())
    group = group_name(pipeline, "dispatch")
    committer = Committer(broker, names["alerts"], group)
    committer.begin(1)
    committer.commit()
    with asking(settings, names["alerts"], group) as asked:
        assert asked.committed() == {0: 1}
        committer.begin(3)
        assert asked.committed() == {0: 1}
        committer.commit()
        assert asked.committed() == {0: 3}
    committer.close()

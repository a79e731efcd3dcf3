"""What the components' users may not do in Kafka, tried on a real broker: in another pipeline, and in their own.

Every user of two pipelines tries to write and to read every topic of both, to look into and to move every consumer
group, and to take every transactional id. What succeeds is held to a table written down here, not to the one that the
rights are made from: a right too many would be in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from health_operator.bindings import kafka_user, kubernetes_components
from health_operator.settings import Platform
from health_pipeline import HealthPipeline, pipeline_topics, read_pipeline
from health_pipeline.settings import KafkaSettings
from health_pipeline.spec import SourceName
from healthctl.embedded.waiting import wait_until

from tests.integration.test_kafka_rights import PASSWORD, Broker, grant, strict_broker

__all__ = ["strict_broker"]

PATIENCE_S = 30
SOURCES = get_args(SourceName)
PRODUCERS = frozenset(f"producer-{source}" for source in SOURCES)
# Who writes what, and who reads it, by component; landing reads all there is.
WRITERS: dict[str, frozenset[str]] = {
    **{source: frozenset({f"producer-{source}"}) for source in SOURCES},
    **{f"cursors-{source}": frozenset({f"producer-{source}"}) for source in SOURCES},
    "vitals": frozenset({"producer-vitals", "lag"}),
    "dead-letters": PRODUCERS,
    "alerts": frozenset({"alerts"}),
    "dispatches": frozenset({"dispatch"}),
    "cursors": frozenset(),
    "audit": frozenset({"lag"}),
}
READERS: dict[str, frozenset[str]] = {
    **{f"cursors-{source}": frozenset({f"producer-{source}"}) for source in SOURCES},
    "cursors": PRODUCERS,
    "vitals": frozenset({"alerts", "lag"}),
    "vehicles": frozenset({"dispatch", "console"}),
    "alerts": frozenset({"dispatch", "lag", "console"}),
    "dispatches": frozenset({"simulator", "dispatch", "lag", "console"}),
    "dead-letters": frozenset({"console"}),
    "audit": frozenset({"lag"}),
}
# Whose each transactional id is; by what follows the pipeline's name.
TRANSACTIONS = {".dispatch.0": "dispatch", ".audit": "lag"}
# Who moves each group, and who only looks into it; by what follows the pipeline's name.
MOVERS = {".dispatch": "dispatch", ".landing": "landing", ".alerts": "lag"}
LOOKERS = {
    **MOVERS, ".dispatch": "lag", ".lag": "lag", ".console": "console", "-simulator": "simulator",
    **{f"-{producer}": producer for producer in PRODUCERS},
}  # fmt: skip
REFUSALS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
# Of a broker that is only finding out who is to answer.
NO_ANSWER = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}


@dataclass(frozen=True)
class Deed:
    """Something that a user did, or tried to."""

    does: str
    what: str


class Somebody:
    """A component's user with its password, and what it can be got to do. Each ``..._all`` yields what succeeded."""

    def __init__(self, broker: Broker, user: str) -> None:
        self.user = user
        self._client: dict[str, Any] = {
            "bootstrap.servers": broker.users, "security.protocol": "SASL_PLAINTEXT", "log_level": 0,
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": PASSWORD,
        }  # fmt: skip

    def write_all(self, topics: Iterable[str]) -> Iterator[Deed]:
        """A record to each."""
        told: dict[str, KafkaError | None] = {}
        producer = Producer(self._client | {"message.timeout.ms": PATIENCE_S * 1000})
        for topic in topics:
            producer.produce(
                topic, b"x", key=b"x", on_delivery=lambda error, message: told.update({message.topic(): error})
            )
        assert producer.flush(PATIENCE_S) == 0
        yield from (Deed("writes", topic) for topic, error in told.items() if not _is_refused(error))

    def read_all(self, topics: Iterable[str]) -> Iterator[Deed]:
        """Each from its beginning, where there is a record."""
        wanted = set(topics)
        consumer = Consumer(self._client | {"group.id": "of-no-weight", "enable.auto.commit": False})
        # librdkafka asks nothing further of a topic that it may not even describe, and says nothing either.
        told: dict[str, KafkaError | None] = {
            topic: error for topic in wanted
            if (error := consumer.list_topics(topic, PATIENCE_S).topics[topic].error) is not None
        }  # fmt: skip
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in wanted - told.keys()])

        def has_heard() -> bool:
            message = consumer.poll(0.2)
            if message is not None:
                told.setdefault(str(message.topic()), message.error())
            return told.keys() >= wanted

        assert wait_until(has_heard, PATIENCE_S, 0), f"{self.user} has heard nothing of {wanted - told.keys()}"
        consumer.close()
        yield from (Deed("reads", topic) for topic, error in told.items() if not _is_refused(error))

    def visit_all(self, groups: Iterable[str], topic: str) -> Iterator[Deed]:
        """Ask each group's place in a topic that this user may read, and move it there."""
        admin = AdminClient(self._client)
        for group in groups:
            place, there = TopicPartition(topic, 0), TopicPartition(topic, 0, 0)
            if not _raises(partial(_asked, admin.list_consumer_group_offsets, group, place)):
                yield Deed("looks into", group)
            if not _raises(partial(_asked, admin.alter_consumer_group_offsets, group, there)):
                yield Deed("moves", group)

    def begin_all(self, names: Iterable[str]) -> Iterator[Deed]:
        """Put off whoever holds each transactional id."""
        for name in names:
            producer = Producer(self._client | {"transactional.id": name})
            if not _raises(partial(producer.init_transactions, PATIENCE_S)):
                yield Deed("begins", name)


def _is_refused(error: KafkaError | None) -> bool:
    """Whether it is a refusal; that everything else went well is for the caller to see."""
    assert error is None or error.code() in REFUSALS, error
    return error is not None


def _asked(request: Callable[..., dict[str, Any]], group: str, place: TopicPartition) -> Any:
    """What came of one request about a group's place."""
    return request([ConsumerGroupTopicPartitions(group, [place])])[group].result(PATIENCE_S)


def _raises(act: Callable[[], Any]) -> bool:
    """Whether it is refused as a whole, or in what it was to do with a partition; done again until that is known."""
    errors: list[KafkaError] = []

    def has_answer() -> bool:
        try:
            found = act()
            errors[:] = [each.error for each in (found.topic_partitions if found else ()) if each.error]
        except KafkaException as error:
            errors[:] = [error.args[0]]
        return not any(error.code() in NO_ANSWER for error in errors)

    assert wait_until(has_answer, PATIENCE_S, 0.1), errors
    return any(_is_refused(error) for error in errors)


def pipeline_of(name: str) -> HealthPipeline:
    """One that has every component that talks to Kafka."""
    head = {"apiVersion": "health-streaming.com/v1alpha1", "kind": "HealthPipeline", "metadata": {"name": name}}
    return read_pipeline({**head, "spec": {
        "sources": [{"name": source, "partitions": 1, "simulate": {}} for source in SOURCES],
        "lake": {"bucket": f"s3://{name}"},
        "kafka": {"strimzi": {"replicas": 1}},
        "alerting": {"latency": "realtime", "rules": [{"metric": "heartRate", "atOrAbove": 120}]},
        "monitoring": {"canaryInterval": "10s"},
        "console": {"tokenRef": {"name": "console", "key": "token"}},
    }})  # fmt: skip


def expected(pipeline: HealthPipeline, component: str) -> set[Deed]:
    """What the component may do of what is tried: all of it in its own pipeline."""
    name = pipeline.name
    deeds = {Deed("writes", f"{name}.{topic}") for topic, who in WRITERS.items() if component in who}
    deeds |= {Deed("reads", f"{name}.{topic}") for topic in WRITERS
              if component == "landing" or component in READERS.get(topic, ())}  # fmt: skip
    deeds |= {Deed("moves", name + group) for group, mover in MOVERS.items() if component == mover}
    deeds |= {Deed("looks into", name + group) for group, looker in LOOKERS.items()
              if component in (looker, MOVERS.get(group))}  # fmt: skip
    return deeds | {Deed("begins", name + own) for own, owner in TRANSACTIONS.items() if component == owner}


@pytest.mark.timeout(900)
def test_nobody_reaches_another_pipeline_or_what_is_not_his_in_his_own(
    strict_broker: Broker, pipeline_names: Iterator[str]
) -> None:
    name = next(pipeline_names)
    pipelines = [pipeline_of(name), pipeline_of(f"{name}-producer")]  # the one's name begins the other's
    for each in pipelines:
        grant(strict_broker, each)
    topics = [topic.name for each in pipelines for topic in pipeline_topics(each)]
    assert {topic.partition(".")[2] for topic in topics} == WRITERS.keys()
    fill(strict_broker, topics)
    groups = [each.name + group for each in pipelines for group in LOOKERS]
    transactions = [each.name + own for each in pipelines for own in TRANSACTIONS]
    for pipeline in pipelines:
        for component in users_of(pipeline):
            somebody = Somebody(strict_broker, kafka_user(pipeline, component))
            wanted = expected(pipeline, component)
            readable = min(deed.what for deed in wanted if deed.does == "reads")
            done = {*somebody.write_all(topics), *somebody.read_all(topics),
                    *somebody.visit_all(groups, readable), *somebody.begin_all(transactions)}  # fmt: skip
            assert done == wanted, component


def users_of(pipeline: HealthPipeline) -> list[str]:
    """The components that talk to Kafka, so every one that has a user."""
    parts = kubernetes_components(pipeline, Platform())
    return [part.name for part in parts if isinstance(part.settings, KafkaSettings)]


def fill(broker: Broker, topics: Iterable[str]) -> None:
    """A record where it is looked for, in the first partition of each."""
    producer = Producer({"bootstrap.servers": broker.open})
    for topic in topics:
        producer.produce(topic, b"x", key=b"x", partition=0)
    assert producer.flush(PATIENCE_S) == 0

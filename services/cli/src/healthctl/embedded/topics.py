"""Topics on a broker; the only module of healthctl that talks to Kafka."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import closing
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)
from health_events import Topic

from healthctl.errors import HealthctlError

_TIMEOUT_S = 20.0


def is_reachable(client_config: Mapping[str, str], timeout_s: float = 1.0) -> bool:
    """Whether a broker answers a metadata request."""
    with contextlib.suppress(KafkaException):
        return bool(_admin(client_config).list_topics(timeout=timeout_s).brokers)
    return False


def ensure_topics(client_config: Mapping[str, str], topics: Iterable[Topic], replication: int = 1) -> None:
    """Make these topics exist with at least these partitions and exactly these settings; HealthctlError when it fails.

    Calling it again changes nothing. Partitions are never taken away: Kafka cannot.
    """
    wanted = {topic.name: topic for topic in topics}
    admin = _admin(client_config)
    try:
        there = admin.list_topics(timeout=_TIMEOUT_S).topics
        missing = [topic for name, topic in wanted.items() if name not in there]
        _create(admin, missing, replication)
        kept = [topic for name, topic in wanted.items() if name in there]
        few = [topic for topic in kept if len(there[topic.name].partitions) < topic.partitions]
        _grow(admin, few)
        _configure(admin, kept)
    except KafkaException as error:
        told = error.args[0]
        what = told.str() if isinstance(told, KafkaError) else str(told)
        raise HealthctlError(f"the topics cannot be made on {client_config['bootstrap.servers']}: {what}") from error


def count_records(client_config: Mapping[str, str], topic: str) -> int:
    """Records that the topic holds; true of topics without transactions, whose markers take offsets as well."""
    with closing(_reader(client_config)) as reader:
        return sum(high - low for low, high in _watermarks(reader, topic).values())


def count_by_key(client_config: Mapping[str, str], topic: str) -> Counter[str]:
    """Records that the topic holds, by key; reads them all, so for small topics."""
    counts: Counter[str] = Counter()
    with closing(_reader(client_config)) as reader:
        marks = _watermarks(reader, topic)
        reader.assign([TopicPartition(topic, partition, low) for partition, (low, _) in marks.items()])
        left = sum(high - low for low, high in marks.values())
        while left > 0:
            for message in reader.consume(1000, timeout=1.0):
                if message.error():
                    raise KafkaException(message.error())
                counts[(message.key() or b"").decode(errors="replace")] += 1
                left -= 1
    return counts


def _reader(client_config: Mapping[str, str]) -> Consumer:
    return Consumer({**client_config, "group.id": "healthctl", "enable.auto.commit": False, "log_level": 0})


def _watermarks(reader: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    partitions = reader.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    return {
        number: reader.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S) for number in partitions
    }


def _admin(client_config: Mapping[str, str]) -> AdminClient:
    # librdkafka would print a line per failed connection attempt; what matters comes back as an error.
    return AdminClient({**client_config, "log_level": 0})


def _create(admin: AdminClient, topics: list[Topic], replication: int) -> None:
    new = [NewTopic(topic.name, topic.partitions, replication, config=topic.config) for topic in topics]
    for future in admin.create_topics(new, operation_timeout=_TIMEOUT_S).values() if new else ():
        _settle(future, KafkaError.TOPIC_ALREADY_EXISTS)  # by somebody else in between


def _grow(admin: AdminClient, topics: list[Topic]) -> None:
    new = [NewPartitions(topic.name, topic.partitions) for topic in topics]
    for future in admin.create_partitions(new).values() if new else ():
        _settle(future, KafkaError.INVALID_PARTITIONS)


def _configure(admin: AdminClient, topics: list[Topic]) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in topic.config.items()
            ],
        )
        for topic in topics
    ]
    for future in admin.incremental_alter_configs(resources).values() if resources else ():
        _settle(future)


def _settle(future: Future[Any], *accepted: int) -> None:
    try:
        future.result(timeout=_TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() not in accepted:
            raise

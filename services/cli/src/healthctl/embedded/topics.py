"""Topics on a broker; the only module of healthctl that talks to Kafka."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from health_events import Topic
from health_pipeline.settings import SettingsError
from health_producer import topics as topic_making

from healthctl.errors import HealthctlError

_TIMEOUT_S = 20.0


def is_reachable(client_config: Mapping[str, str], timeout_s: float = 1.0) -> bool:
    """Whether a broker answers a metadata request."""
    with contextlib.suppress(KafkaException):
        # librdkafka would print a line per failed connection attempt.
        return bool(AdminClient({**client_config, "log_level": 0}).list_topics(timeout=timeout_s).brokers)
    return False


def ensure_topics(client_config: Mapping[str, str], topics: Iterable[Topic], replication: int = 1) -> None:
    """``health_producer.topics.ensure_topics`` with HealthctlError for what goes wrong."""
    try:
        topic_making.ensure_topics(client_config, topics, replication)
    except (topic_making.TopicsError, SettingsError) as error:
        raise HealthctlError(str(error)) from error


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

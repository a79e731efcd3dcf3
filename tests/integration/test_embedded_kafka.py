"""The embedded broker and its topics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType
from health_events import Topic
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.topics import ensure_topics, is_reachable
from healthctl.errors import HealthctlError


def _read_one(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    deadline = time.monotonic() + 30
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                return message.value()
    finally:
        consumer.close()
    return None


def _setting(admin: AdminClient, topic: str, name: str) -> str:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return str(admin.describe_configs([resource])[resource].result(10)[name].value)


def test_topics_are_made_once_grow_and_change_their_settings(broker: str) -> None:
    config: dict[str, Any] = {"bootstrap.servers": broker}
    ensure_topics(config, [Topic("ensured.a", 1, {"retention.ms": "100000"})])
    changed = Topic("ensured.a", 3, {"retention.ms": "200000"})
    for _ in range(2):
        ensure_topics(config, [changed, Topic("ensured.b", 1, {"cleanup.policy": "compact"})])
    admin = AdminClient(config)
    topics = admin.list_topics(timeout=10).topics
    assert (len(topics["ensured.a"].partitions), len(topics["ensured.b"].partitions)) == (3, 1)
    assert _setting(admin, "ensured.a", "retention.ms") == "200000"
    assert _setting(admin, "ensured.b", "cleanup.policy") == "compact"


def test_what_is_made_can_be_read_at_once(broker: str) -> None:
    """A broker says that partitions are made before it leads one of them."""
    config: dict[str, Any] = {"bootstrap.servers": broker}
    for partitions in (50, 100):
        topic = Topic("led", partitions, {})
        ensure_topics(config, [topic])
        admin = AdminClient(config)
        asked = {TopicPartition(topic.name, number): OffsetSpec.latest() for number in range(partitions)}
        assert {future.result(20).offset for future in admin.list_offsets(asked).values()} == {0}


def test_a_setting_that_the_broker_refuses_is_one_line(broker: str) -> None:
    with pytest.raises(HealthctlError, match=r"the topics cannot be made on 127.0.0.1:\d+: .*retention.ms") as caught:
        ensure_topics({"bootstrap.servers": broker}, [Topic("refused", 1, {"retention.ms": "soon"})])
    assert "\n" not in str(caught.value)


def test_topics_are_never_made_by_writing_to_them(broker: str) -> None:
    producer = Producer({"bootstrap.servers": broker, "message.timeout.ms": 1500})
    errors: list[object] = []
    producer.produce("nobody.made.this", b"x", on_delivery=lambda error, _: errors.append(error))
    producer.flush(20)
    assert errors and errors[0] is not None


def test_a_restart_keeps_the_data_and_a_dead_broker_is_told_from_a_live_one(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path) as first:
        config = {"bootstrap.servers": first.files.bootstrap}
        ensure_topics(config, [Topic("kept", 1, {})])
        producer = Producer(config)
        producer.produce("kept", b"still here")
        assert producer.flush(20) == 0
    assert not is_reachable(config)
    with KafkaBroker(tmp_path) as second:
        assert _read_one(second.files.bootstrap, "kept") == b"still here"


def test_a_broker_that_does_not_come_up_says_why_in_one_line(tmp_path: Path) -> None:
    kafka = KafkaBroker(tmp_path)
    kafka.files.data.mkdir(parents=True)
    (kafka.files.data / "storage").write_text("a file where a folder must be")
    with pytest.raises(HealthctlError, match="Kafka did not come up") as caught, kafka:
        pass
    assert "\n" not in str(caught.value)
    assert str(kafka.files.log) in str(caught.value)

"""``python -m health_streaming.jobs.alerts`` between real topics."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from health_catalog import ensure_bucket
from health_events import ALERTS, VITALS, decode, topic_name
from health_pipeline.settings import AlertRule, AlertsSettings, ServiceArea
from healthctl.embedded.ports import free_port
from healthctl.embedded.waiting import wait_until

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

PATIENCE_S = 240
MakeTopics = Callable[..., dict[str, str]]
SQUARE = ServiceArea(name="centre", polygon=((0, 0), (1, 0), (1, 1), (0, 1)))
RULES = (
    AlertRule(metric="heart_rate", at_or_below=40, at_or_above=131, severity="critical"),
    AlertRule(metric="spo2", at_or_below=91, severity="warning"),
)


@contextmanager
def _alerts(settings: AlertsSettings) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "health_streaming.jobs.alerts"], env=os.environ | settings.to_env()
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _is_ready(settings):
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < deadline, "it takes too long"
            time.sleep(0.1)
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def _is_ready(settings: AlertsSettings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/readyz"):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def _reading(number: int, **changed: object) -> dict[str, object]:
    reading = {"event_id": f"v{number}", "source": "vitals", "entity_id": "p1", "device_id": "d1"}
    now = int(time.time() * 1000)
    return {**reading, "observed_at": now, "latitude": 0.5, "longitude": 0.5, "heart_rate": 70, **changed}


def _produce(broker: str, topic: str, readings: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
    for reading in readings:
        producer.produce(topic, reading, key="p1", headers=[("cursor", b"1")])
    assert producer.flush(30) == 0


def _consume(broker: str, topic: str, last: str) -> list[tuple[str, dict[str, Any], int]]:
    """(key, alert, Kafka's time) of every alert until that of the reading ``last``."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "none", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[tuple[str, dict[str, Any], int]] = []
    deadline = time.monotonic() + PATIENCE_S
    while not found or found[-1][1]["vital_event_id"] != last:
        assert time.monotonic() < deadline, f"no alert of {last} among {found}"
        message = consumer.poll(0.5)
        if message is not None and message.value() is not None:
            alert = decode(message.value() or b"", ALERTS)
            found.append(((message.key() or b"").decode(), alert, message.timestamp()[1]))
    consumer.close()
    return found


def _group(settings: AlertsSettings) -> dict[tuple[str, int], int]:
    """The offsets of its consumer group, as whoever knows Kafka sees them."""
    admin, name = AdminClient(settings.client_config()), f"{settings.pipeline}.alerts"
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]).values()
    return {(each.topic, each.partition): each.offset for each in answer.result(30).topic_partitions}


@pytest.mark.parametrize("latency", ["realtime", "microbatch"])
def test_every_broken_rule_gives_one_alert(
    latency: str, make_pipeline_topics: MakeTopics, broker: str, aws_endpoint: str, spark_jars: Path
) -> None:
    pipeline = make_pipeline_topics(partitions={"vitals": 1})["pipeline"]
    settings = AlertsSettings(
        pipeline=pipeline, metrics_port=free_port(), bootstrap_servers=broker, lake=f"s3://{pipeline}",
        lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint, database="unused", rules=RULES, areas=(SQUARE,),
        latency=latency, partitions=1, spark_master="local[2]", spark_jars=str(spark_jars),
    )  # fmt: skip
    ensure_bucket(settings)
    readings = [
        _reading(1),
        _reading(2, heart_rate=150.5, spo2=90),
        _reading(3, heart_rate=150, latitude=100),
        _reading(4, heart_rate=None),
        _reading(5, spo2=50, latitude=-5, canary=True),
        _reading(6, heart_rate=40),
    ]
    with _alerts(settings):
        _produce(broker, topic_name(pipeline, VITALS), [json.dumps(each).encode() for each in readings] + [b"{"])
        # Its observed_at is taken when everything else is done: the alert of a running query, not of a starting one.
        _consume(broker, topic_name(pipeline, ALERTS), "v6")
        _produce(broker, topic_name(pipeline, VITALS), [json.dumps(_reading(7, heart_rate=200)).encode()])
        found = _consume(broker, topic_name(pipeline, ALERTS), "v7")
        if latency == "microbatch":
            all_read = {(topic_name(pipeline, VITALS), 0): len(readings) + 2}
            assert wait_until(lambda: _group(settings) == all_read, PATIENCE_S, 0.2), _group(settings)

    canary, *found = found  # the one that opens the way
    assert canary[1]["canary"] is True
    expected = [
        ("v2", "heart_rate >= 131", "critical", "centre"),
        ("v2", "spo2 <= 91", "warning", "centre"),
        ("v5", "spo2 <= 91", "warning", "default"),
        ("v6", "heart_rate <= 40", "critical", "centre"),
        ("v7", "heart_rate >= 131", "critical", "centre"),
    ]
    assert [(one["vital_event_id"], one["rule"], one["severity"], key) for key, one, _ in found] == expected
    for key, alert, at in found:
        text = f"{alert['vital_event_id']}|{alert['rule']}"
        assert alert["event_id"] == hashlib.sha256(text.encode()).hexdigest()[:32]
        assert alert["area"] == key
        assert alert.get("canary") is (True if alert["vital_event_id"] == "v5" else None)
        assert alert["observed_at"] <= at
    assert found[0][1]["value"] == 150.5
    if latency == "realtime":
        assert found[-1][2] - found[-1][1]["observed_at"] < 2000, "even where everything else is slow"

"""Alerts in Real-time Mode that are stopped with a known backlog: what the watcher tells of it is what there is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from health_catalog import ensure_bucket
from health_events import ALERTS, VITALS, topic_name
from health_pipeline.settings import AlertRule, AlertsSettings, KafkaSettings, LagSettings
from healthctl.embedded.ports import free_port
from healthctl.embedded.process import last_lines
from healthctl.embedded.waiting import wait_until
from prometheus_client.parser import text_string_to_metric_families

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

PATIENCE_S = 240
MakeTopics = Callable[..., dict[str, str]]
RULES = (AlertRule(metric="spo2", at_or_below=91),)
BACKLOG = {0: 3000, 1: 1200}
CURRENT_MS = 3000  # one canary a second, told twice a second
RECORDS, SECONDS = "health_streaming_lag_records", "health_streaming_lag_seconds"


@contextmanager
def running(module: str, settings: KafkaSettings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A component with its whole process group, which is killed at last."""
    environ = os.environ | settings.to_env()
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", module], env=environ, stderr=file, start_new_session=True)
    try:
        yield process
        assert process.poll() is None, last_lines(log, 20)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def told(settings: KafkaSettings, name: str) -> dict[int, float]:
    """A metric of alerts' lag by partition of vitals, as this process tells it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    labels = {"query": "alerts", "topic": topic_name(settings.pipeline, VITALS)}
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {
        int(sample.labels["partition"]): sample.value for sample in samples if labels.items() <= sample.labels.items()
    }


def answers(settings: KafkaSettings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/readyz", timeout=10):
            return True
    except OSError:
        return False


def group(settings: KafkaSettings) -> dict[int, int]:
    """The offsets of the alerts' consumer group, as whoever knows Kafka sees them."""
    admin, name = AdminClient(settings.client_config()), f"{settings.pipeline}.alerts"
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]).values()
    return {each.partition: each.offset for each in answer.result(30).topic_partitions}


def records(settings: KafkaSettings, topic: str, begin: dict[int, int]) -> dict[int, list[dict[str, Any]]]:
    """All that these partitions hold from there on."""
    consumer = Consumer(settings.client_config() | {"group.id": "none", "enable.partition.eof": True})
    found: dict[int, list[dict[str, Any]]] = {number: [] for number in begin}
    unread = {*begin}
    consumer.assign([TopicPartition(topic, *place) for place in begin.items()])
    while unread:
        for message in consumer.consume(1000, 0.5):
            number = message.partition() or 0
            if message.error():
                unread.discard(number)
            else:
                found[number].append(json.loads(message.value() or b""))
    consumer.close()
    return found


def write(settings: KafkaSettings, topic: str) -> None:
    """The backlog: nobody in it is ill."""
    producer = Producer(settings.client_config())
    for partition, count in BACKLOG.items():
        for number in range(count):
            reading = {"event_id": f"v{partition}-{number}", "source": "vitals", "entity_id": "p", "device_id": "d",
                       "observed_at": int(time.time() * 1000), "latitude": 1, "longitude": 1, "spo2": 99}  # fmt: skip
            producer.produce(topic, json.dumps(reading), partition=partition)
    assert producer.flush(30) == 0


def is_current(behind: list[dict[str, Any]], said: float, now_ms: float) -> bool:
    """That many were behind at now_ms: up to a canary, and what came later are canaries that are just on their way.

    Another may be written at any moment, so the number that was told a moment ago is one that was true.
    """
    count = int(said)
    newer = [
        record for record in behind[count:] if not record.get("canary") or record["observed_at"] < now_ms - CURRENT_MS
    ]
    return 0 < count <= len(behind) and behind[count - 1].get("canary", False) and not newer


def assert_told_is_true(settings: KafkaSettings) -> None:
    """The group is behind the last canary whose alert there is, and before all that have none."""
    vitals, alerts = (topic_name(settings.pipeline, event) for event in (VITALS, ALERTS))
    done = group(settings)
    alarmed = {alert["vital_event_id"] for alert in records(settings, alerts, {0: 0})[0]}
    behind = records(settings, vitals, done)
    for number, count in BACKLOG.items():
        assert sum(not record.get("canary") for record in behind[number]) == count
        assert not alarmed & {record["event_id"] for record in behind[number]}
        (last, *_) = records(settings, vitals, {number: done[number] - 1})[number]
        assert last["canary"]
        assert last["event_id"] in alarmed


def test_a_known_backlog_within_a_batch_is_told_and_falls(
    make_pipeline_topics: Callable[..., dict[str, str]],
    broker: str,
    aws_endpoint: str,
    spark_jars: Path,
    tmp_path: Path,
) -> None:
    pipeline = make_pipeline_topics(partitions={"vitals": 2})["pipeline"]
    common: dict[str, Any] = {"pipeline": pipeline, "bootstrap_servers": broker, "rules": RULES}
    alerts = AlertsSettings(
        **common, metrics_port=free_port(), lake=f"s3://{pipeline}", lake_endpoint=aws_endpoint,
        glue_endpoint=aws_endpoint, database="unused", partitions=2, spark_master="local[3]",
        spark_jars=str(spark_jars),
    )  # fmt: skip
    watcher = LagSettings(
        **common, metrics_port=free_port(), port=free_port(), targets=(), canary_interval_s=1, realtime_alerts=True
    )
    ensure_bucket(alerts)
    vitals, logs = topic_name(pipeline, VITALS), [tmp_path / "alerts.log", tmp_path / "lag.log"]

    def soon(condition: Callable[[], bool]) -> None:
        lines = [line for log in logs for line in last_lines(log, 10)]
        assert wait_until(condition, PATIENCE_S, 0.2), "\n".join(map(str, (told(watcher, RECORDS), *lines)))

    def is_exact() -> bool:
        now_ms, said = time.time() * 1000, told(watcher, RECORDS)
        behind = records(watcher, vitals, group(watcher))
        return all(is_current(behind[number], said[number], now_ms) for number in BACKLOG)

    with running("health_streaming.jobs.alerts", alerts, logs[0]) as job:
        assert wait_until(lambda: answers(alerts), PATIENCE_S, 0.2), last_lines(logs[0], 20)
        with running("health_lag", watcher, logs[1]):
            soon(lambda: answers(watcher) and told(watcher, RECORDS) == {0: 0, 1: 0})
            os.killpg(job.pid, signal.SIGSTOP)
            write(watcher, vitals)
            soon(lambda: told(watcher, RECORDS)[0] > BACKLOG[0] and told(watcher, RECORDS)[1] > BACKLOG[1])
            soon(lambda: min(told(watcher, SECONDS).values()) > 8)  # the group is told every five seconds
            soon(is_exact)
            assert_told_is_true(watcher)
            os.killpg(job.pid, signal.SIGCONT)
            soon(lambda: told(watcher, RECORDS) == {0: 0, 1: 0} and max(told(watcher, SECONDS).values()) == 0)
            soon(lambda: all(group(watcher)[number] > count for number, count in BACKLOG.items()))
            assert told(alerts, RECORDS) == told(alerts, SECONDS) == {}

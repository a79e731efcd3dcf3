"""The job that makes topics, as it is run: a process of its own, beside a real Kafka or one that is not there yet."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from health_events import Topic
from health_pipeline.settings import TopicsSettings
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.waiting import wait_until

COMMAND = [sys.executable, "-m", "health_producer.topics"]
NO_PARTITION = {"name": "a", "partitions": 0, "config": {}}


@pytest.fixture
def settings(broker: str, pipeline_names: Iterator[str]) -> TopicsSettings:
    name = next(pipeline_names)
    topics = (
        Topic(f"{name}.vitals", 2, {"retention.ms": "100000"}),
        Topic(f"{name}.cursors", 1, {"cleanup.policy": "compact"}),
    )
    return TopicsSettings(pipeline=name, bootstrap_servers=broker, topics=topics, timeout_s=30)


def run(settings: TopicsSettings, *arguments: str, **changes: str) -> tuple[int, str]:
    """The job's exit code and what it said."""
    env = dict(os.environ) | settings.to_env() | changes
    ended = subprocess.run([*COMMAND, *arguments], env=env, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, ended.stderr


def shape(settings: TopicsSettings) -> dict[str, tuple[int, str, str]]:
    """Of each topic there is: partitions, retention.ms and cleanup.policy, as the broker says."""
    admin = AdminClient(settings.client_config())
    found = {}
    for topic in settings.topics:
        resource = ConfigResource(ResourceType.TOPIC, topic.name)
        config = admin.describe_configs([resource])[resource].result(20)
        partitions = admin.list_topics(topic.name, timeout=20).topics[topic.name].partitions
        found[topic.name] = (len(partitions), config["retention.ms"].value, config["cleanup.policy"].value)
    return found


def test_topics_are_made_stay_as_they_are_grow_and_change_their_retention(settings: TopicsSettings) -> None:
    vitals, cursors = settings.topics
    for _ in range(2):
        code, said = run(settings)
        assert (code, "2 topics are as they should be" in said) == (0, True), said
        assert shape(settings) == {
            vitals.name: (2, "100000", "delete"), cursors.name: (1, "604800000", "compact"),
        }  # fmt: skip
    grown = dataclasses.replace(vitals, partitions=5, config={"retention.ms": "200000"})
    code, said = run(dataclasses.replace(settings, topics=(grown, cursors)))
    assert code == 0, said
    assert shape(settings)[vitals.name] == (5, "200000", "delete")
    code, said = run(settings)  # fewer partitions cannot be had: the setting is changed all the same
    assert code == 0, said
    assert shape(settings)[vitals.name] == (5, "100000", "delete")


def test_a_topic_that_does_not_grow_keeps_its_partitions(settings: TopicsSettings) -> None:
    """As alerts: a pipeline from before they had a fixed number has one partition for each area that it had."""
    alerts = Topic(f"{settings.pipeline}.alerts", 2, {"retention.ms": "100000"}, grows=False)
    of_now = dataclasses.replace(alerts, partitions=12, config={"retention.ms": "200000"})
    for asked in (alerts, of_now):
        told = dataclasses.replace(settings, topics=(asked,))
        code, said = run(told)
        assert code == 0, said
    assert shape(told)[alerts.name] == (2, "200000", "delete")


def test_a_topic_of_which_nothing_is_set_can_be_made_again(settings: TopicsSettings) -> None:
    plain = dataclasses.replace(settings, topics=(Topic(f"{settings.pipeline}.plain", 1, {}),))
    for _ in range(2):
        code, said = run(plain)
        assert code == 0, said


def test_topics_are_removed_and_once_more_is_no_fault(settings: TopicsSettings) -> None:
    code, said = run(settings)
    assert code == 0, said
    for _ in range(2):
        code, said = run(settings, "--remove")
        assert (code, "2 topics are deleted" in said) == (0, True), said
    left = AdminClient(settings.client_config()).list_topics(timeout=20).topics
    assert not {topic.name for topic in settings.topics} & set(left)
    code, said = run(settings, "--all")
    assert (code, "there is --remove" in said) == (2, True), said


def test_a_broker_that_comes_late_is_waited_for_with_a_line_for_each_obstacle(tmp_path: Path) -> None:
    kafka = KafkaBroker(tmp_path)
    settings = TopicsSettings(
        pipeline="late", bootstrap_servers=kafka.files.bootstrap, topics=(Topic("late.vitals", 2, {}),), timeout_s=200
    )
    log = tmp_path / "topics.log"
    with log.open("w") as out:
        job = subprocess.Popen(COMMAND, env=dict(os.environ) | settings.to_env(), stderr=out)
    try:
        assert wait_until(lambda: "Connection refused" in log.read_text(), 60), log.read_text()
        assert "the topics cannot be made on 127.0.0.1:" in log.read_text()
        with kafka:
            assert job.wait(120) == 0, log.read_text()
            assert shape(settings)["late.vitals"][0] == 2
    finally:
        job.kill()
        job.wait()
    said = [line.split(";")[0].split(" ", 2)[2] for line in log.read_text().splitlines() if "WARNING" in line]
    assert len(said) == len(set(said)) <= 3, said  # refused, then perhaps a broker that is only half up


def test_being_stopped_while_waiting_ends_at_once_and_is_no_success(tmp_path: Path, settings: TopicsSettings) -> None:
    log = tmp_path / "topics.log"
    away = dataclasses.replace(settings, bootstrap_servers="127.0.0.1:1", timeout_s=600)
    with log.open("w") as out:
        job = subprocess.Popen(COMMAND, env=dict(os.environ) | away.to_env(), stderr=out)
    try:
        assert wait_until(lambda: "trying again" in log.read_text(), 60), log.read_text()
        job.send_signal(signal.SIGTERM)
        assert job.wait(30) == 1
    finally:
        job.kill()
        job.wait()


def test_what_the_broker_refuses_for_good_ends_the_job_at_once(settings: TopicsSettings) -> None:
    refused = Topic(f"{settings.pipeline}.refused", 1, {"retention.ms": "soon"})
    code, said = run(dataclasses.replace(settings, topics=(refused,), timeout_s=600))
    assert code == 1
    assert "ERROR" in said
    assert "retention.ms" in said
    assert "trying again" not in said


def test_too_few_brokers_for_the_replication_are_waited_for_and_then_told(settings: TopicsSettings) -> None:
    code, said = run(dataclasses.replace(settings, replication=3, timeout_s=5))
    assert code == 1
    (waiting,) = [line for line in said.splitlines() if "WARNING" in line]
    assert "replication factor" in waiting


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"HEALTH_REPLICATION": "0"}, "HEALTH_REPLICATION is 0; it must be at least 1"),
        ({"HEALTH_TOPICS": "vitals"}, "HEALTH_TOPICS cannot be read"),
        ({"HEALTH_TOPICS": json.dumps([NO_PARTITION])}, "HEALTH_TOPICS: a must have at least one partition"),
        ({"HEALTH_TOPICS": json.dumps([NO_PARTITION, NO_PARTITION])}, "HEALTH_TOPICS names a twice"),
        ({"HEALTH_SECURITY_PROTOCOL": "TLS"}, "the settings of Kafka do not work: Invalid value"),
    ],
)
def test_settings_of_the_job_that_cannot_work_are_one_clear_line(changes: dict[str, str], problem: str) -> None:
    settings = TopicsSettings(pipeline="p", bootstrap_servers="127.0.0.1:1", topics=(Topic("a", 1, {}),))
    code, said = run(settings, **changes)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"health_producer.topics: {problem}")

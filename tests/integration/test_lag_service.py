"""The watcher as a process: components' metrics over real HTTP, a real broker, and its document read over HTTP."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from health_events import Topic, encode, topics
from health_lag import kafka
from health_lag.kafka import Reader
from health_pipeline.settings import AlertRule, LagSettings, MetricsTarget
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.ports import free_port
from healthctl.embedded.process import Command, Process
from healthctl.embedded.topics import ensure_topics
from healthctl.embedded.waiting import wait_until
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.around_lag import Components, alert_of, real_vital, standing_in_for_the_alerts_job

RULES = (AlertRule(metric="spo2", at_or_below=91),)


@pytest.fixture
def parts(pipeline_names: Iterator[str]) -> Iterator[Components]:
    made = Components(next(pipeline_names))
    yield made
    for target in made.targets:
        made.end(target.component)


def write(broker: str, topic: str, *values: bytes, commit: bool | None = None) -> None:
    """Plainly, or in a transaction that is committed or not."""
    own = {} if commit is None else {"transactional.id": f"{topic}-test"}
    producer = Producer({"bootstrap.servers": broker} | own)
    if commit is not None:
        producer.init_transactions()
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    if commit is None:
        assert producer.flush(20) == 0
    else:
        (producer.commit_transaction if commit else producer.abort_transaction)()


def outcome(which: str, about: int = 0, ago_s: float = 0) -> bytes:
    observed = round(1000 * (time.time() - ago_s))
    told = {"outcome": which, "reason": "the patient was not dispatched", "alert_id": f"a{about}"}
    return json.dumps(told | {"observed_at": observed}).encode()


def settings_of(pipeline: str, broker: str, targets: tuple[MetricsTarget, ...] = ()) -> LagSettings:
    return LagSettings(
        pipeline=pipeline, bootstrap_servers=broker, metrics_port=free_port(), port=free_port(), targets=targets,
        rules=RULES, canary_interval_s=0.1,
    )  # fmt: skip


@contextmanager
def watching(settings: LagSettings, log: Path) -> Iterator[Process]:
    """The watcher as a process for the block's length; it must end cleanly."""
    env = dict(os.environ) | settings.to_env()
    process = Process(Command("lag", (sys.executable, "-m", "health_lag"), log, env))
    try:
        yield process
        assert process.ended() is None, log.read_text()
    finally:
        code = process.stop(grace_s=15)
    assert code == 0, log.read_text()


def ask(port: int, path: str) -> str:
    """Empty when nobody answers with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def slo(settings: LagSettings) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ask(settings.port, "/slo") or "{}")
    return told


def reaches(settings: LagSettings, condition: Callable[[dict[str, Any]], bool], log: Path) -> None:
    """Waits until the document is as wanted."""
    seen: dict[str, Any] = {}

    def holds() -> bool:
        seen.clear()
        seen.update(slo(settings))
        return bool(seen) and condition(seen)

    assert wait_until(holds, 60, 0.2), f"{seen}\n{log.read_text()}"


def test_the_document_is_measured_and_outlives_the_parts_it_is_about(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], parts: Components, tmp_path: Path
) -> None:
    names, log = make_pipeline_topics(partitions={"vitals": 2}), tmp_path / "lag.log"
    write(broker, names["alerts"], *(encode(alert_of(real_vital(number))) for number in range(5)))
    write(broker, names["dispatches"], outcome("dispatched", 1), outcome("dispatched", 1, ago_s=900), commit=True)
    write(broker, names["dispatches"], outcome("dispatched", 2, ago_s=900), commit=False)
    write(broker, names["dispatches"], outcome("suppressed", 3, ago_s=900), commit=True)
    write(broker, names["dead_letters"], b"1", b"2", b"3")
    settings = settings_of(names["pipeline"], broker, parts.targets)
    with ExitStack() as stack:
        stack.enter_context(standing_in_for_the_alerts_job(broker, names))
        stack.enter_context(watching(settings, log))
        reaches(settings, lambda told: told["components"] == dict.fromkeys(told["components"], True), log)
        parts.events.labels(names["pipeline"], "vitals", "published").inc(600)
        reaches(settings, lambda told: told["eventsPerSecond"] and told["alertLatencyP99Ms"] is not None, log)
        told = slo(settings)
        assert 0 <= told["alertLatencyP50Ms"] <= told["alertLatencyP99Ms"] < 60_000
        assert 0 <= told["dispatchLatencyP99Ms"] < 60_000
        assert 7 <= told["lagSeconds"] < 30
        assert 11 <= told["freshnessSeconds"] < 30
        newest = datetime.fromisoformat(told["lastEventTime"])
        assert 0 <= (datetime.now(UTC) - newest).total_seconds() < 30
        totals = {"alertsTotal": 5, "dispatchesTotal": 2, "deadLettersTotal": 3}
        reaches(settings, lambda told: totals.items() <= told.items(), log)
        reaches(settings, lambda told: told["canaryAgeSeconds"] is not None, log)
        assert slo(settings)["canaryLatencyMs"] >= 0
        assert ask(settings.metrics_port, "/readyz")

        shown = ask(settings.metrics_port, "/metrics")
        name = names["pipeline"]
        assert f'health_canary_age_seconds{{path="alerts",pipeline="{name}"}}' in shown
        assert f'health_canary_latency_seconds_count{{pipeline="{name}"}}' in shown
        assert f'health_slo_records{{kind="dispatches",pipeline="{name}"}} 2.0' in shown

        parts.end("dispatch")
        reaches(settings, lambda told: told["components"] == {
            "producer-vitals": True, "landing": True, "dispatch": False}, log)  # fmt: skip
        assert "dispatch does not answer on http://127.0.0.1:" in log.read_text()
        assert all(ends(broker, names["vitals"]).values())
    with watching(settings, log):  # it has nothing of its own to remember; canaries of before do not count as alerts
        reaches(settings, lambda told: totals.items() <= told.items(), log)
        assert ask(settings.port, "/else") == ""


def ends(broker: str, topic: str) -> dict[int, int]:
    """How far its partitions go."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "none", "enable.auto.commit": False})
    places = [TopicPartition(topic, number) for number in (0, 1)]
    found = {place.partition: consumer.get_watermark_offsets(place, timeout=20)[1] for place in places}
    consumer.close()
    return found


def metric(settings: LagSettings, name: str) -> dict[str, float]:
    """By partition, or by the only other label there is."""
    families = text_string_to_metric_families(ask(settings.metrics_port, "/metrics"))
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {next(sample.labels[key] for key in ("partition", "reason", "path") if key in sample.labels): sample.value
            for sample in samples}  # fmt: skip


def group(settings: LagSettings) -> dict[int, int]:
    """The offsets of the alerts' consumer group, as whoever knows Kafka sees them."""
    admin, name = AdminClient(settings.client_config()), f"{settings.pipeline}.alerts"
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]).values()
    places = answer.result(30).topic_partitions
    assert {each.topic for each in places} <= {f"{settings.pipeline}.vitals"}
    return {each.partition: each.offset for each in places}


def write_vitals(broker: str, topic: str, counts: dict[int, int]) -> None:
    """So many readings to each partition."""
    producer = Producer({"bootstrap.servers": broker})
    for partition, count in counts.items():
        for number in range(count):
            producer.produce(topic, encode(real_vital(number)), partition=partition)
    assert producer.flush(30) == 0


def test_a_known_backlog_of_realtime_alerts_is_told_by_partition_and_committed(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    names, log = make_pipeline_topics(partitions={"vitals": 2}), tmp_path / "lag.log"
    settings = dataclasses.replace(settings_of(names["pipeline"], broker), realtime_alerts=True, canary_interval_s=1.5)
    records, seconds = (f"health_streaming_lag_{of}" for of in ("records", "seconds"))

    def soon(condition: Callable[[], bool]) -> None:
        assert wait_until(condition, 60, 0.1), f"{metric(settings, records)} {group(settings)}\n{log.read_text()}"

    def is_exact() -> bool:
        told = metric(settings, records)
        return told == {"0": 0, "1": ends(broker, names["vitals"])[1] - held_at} and told["1"] >= 700

    with standing_in_for_the_alerts_job(broker, names) as job:
        with watching(settings, log):
            soon(lambda: metric(settings, records) == {"0": 0, "1": 0})
            job.hold(1)
            held_at = job.place[1]
            write_vitals(broker, names["vitals"], {0: 300, 1: 700})
            soon(is_exact)
            soon(lambda: metric(settings, seconds)["1"] > 5)
            assert metric(settings, seconds)["0"] < 5
            assert metric(settings, "health_canary_awaited_seconds")["alerts"] > 5
            soon(lambda: group(settings)[1] == held_at and group(settings)[0] > 300)
        with watching(settings, log):  # it goes on with what the group has
            soon(is_exact)
            job.hold()
            soon(lambda: metric(settings, records) == {"0": 0, "1": 0})
            assert max(metric(settings, seconds).values()) < 5
            soon(lambda: group(settings)[1] >= held_at + 700)
            assert metric(settings, "health_canary_lost_total") == {"overtaken": 0, "given_up": 0, "refused": 0}
            for partition, place in group(settings).items():
                assert place <= ends(broker, names["vitals"])[partition]


def test_micro_batches_speak_for_themselves(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    names, log = make_pipeline_topics(partitions={"vitals": 2}), tmp_path / "lag.log"
    settings = settings_of(names["pipeline"], broker)
    with standing_in_for_the_alerts_job(broker, names), watching(settings, log):
        reaches(settings, lambda told: told["canaryAgeSeconds"] is not None, log)
        assert metric(settings, "health_streaming_lag_records") == {}
        assert wait_until(lambda: metric(settings, "health_canary_awaited_seconds")["alerts"] >= 0, 30)
        assert group(settings) == {}


def test_a_broker_that_comes_late_and_goes_away_is_unknown_and_never_the_end(tmp_path: Path) -> None:
    broker, log = KafkaBroker(tmp_path), tmp_path / "lag.log"
    settings = settings_of("late", broker.files.bootstrap)
    with watching(settings, log):
        reaches(settings, lambda told: told["alertsTotal"] is None, log)
        assert wait_until(lambda: "Kafka: " in log.read_text(), 30)
        with broker:
            assert wait_until(lambda: "waiting for topics to be created: late.alerts" in log.read_text(), 60)
            ensure_topics(settings.client_config(), topics("late"))
            reaches(settings, lambda told: (told["alertsTotal"], told["deadLettersTotal"]) == (0, 0), log)
            write(settings.bootstrap_servers, "late.alerts", b"{}")
            reaches(settings, lambda told: told["alertsTotal"] == 1, log)
        away = len(log.read_text())
        assert wait_until(lambda: "Kafka: " in log.read_text()[away:], 60)
        assert slo(settings)["alertsTotal"] == 1
        with broker:
            write(settings.bootstrap_servers, "late.alerts", b"{}", b"{}")
            reaches(settings, lambda told: told["alertsTotal"] == 3, log)
    assert len(log.read_text().splitlines()) < 40


def test_partitions_that_are_added_are_read_from_their_beginning(
    broker: str, pipeline_names: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "_LOOK_EVERY_S", 0.2)
    name = next(pipeline_names)
    topic = f"{name}.grows"
    ensure_topics({"bootstrap.servers": broker}, [Topic(topic, 1, {})])
    reader = Reader(settings_of(name, broker), (topic,))
    found: list[bytes] = []

    def has(*values: bytes) -> bool:
        found.extend(record.payload for record in reader.poll(0.1))
        return sorted(found) == sorted(values) and reader.is_caught_up

    assert not reader.is_caught_up
    write(broker, topic, b"one")
    assert wait_until(lambda: has(b"one"), 30)
    ensure_topics({"bootstrap.servers": broker}, [Topic(topic, 3, {})])
    producer = Producer({"bootstrap.servers": broker})
    for partition in range(3):
        producer.produce(topic, b"%d" % partition, partition=partition)
    assert producer.flush(20) == 0
    assert wait_until(lambda: has(b"one", b"0", b"1", b"2"), 30), found
    assert reader.end(topic) == 4
    reader.close()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"HEALTH_CANARY_INTERVAL_S": "-1"}, "HEALTH_CANARY_INTERVAL_S is -1; it must not be below 0"),
        ({"HEALTH_TARGETS": '[{"component": "landing", "url": "landing:9464"}]'}, "HEALTH_TARGETS: 'landing:9464' of"),
        ({"HEALTH_PASSING": '[{"component": "transform", "url": "t:9464"}]'}, "HEALTH_PASSING: 't:9464' of"),
        ({"HEALTH_SECURITY_PROTOCOL": "TLS"}, "the settings of Kafka do not work: Invalid value"),
        ({"HEALTH_HOST": "192.0.2.1"}, "cannot listen on 192.0.2.1:"),
    ],
)
def test_a_watcher_that_is_told_nonsense_says_so_in_one_line(changes: dict[str, str], problem: str) -> None:
    env = dict(os.environ) | settings_of("p", "127.0.0.1:1").to_env() | changes
    ended = subprocess.run(
        [sys.executable, "-m", "health_lag"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(f"lag: {problem}")
    assert ended.stderr.count("\n") == 1

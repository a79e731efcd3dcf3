"""The watcher as a process: components' metrics over real HTTP, a real broker, and its document read over HTTP."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from health_events import ALERTS, VITALS, Topic, decode, encode, topics
from health_lag import kafka
from health_lag.kafka import Reader
from health_pipeline.settings import AlertRule, LagSettings, MetricsTarget
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.ports import free_port
from healthctl.embedded.process import Command, Process
from healthctl.embedded.topics import ensure_topics
from healthctl.embedded.waiting import wait_until
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, start_http_server
from prometheus_client.registry import Collector

RULES = (AlertRule(metric="spo2", at_or_below=91),)
BUCKETS = (0.01, 0.1, 1)


class InTurns(Collector):
    """Two replicas behind a Service: each connection is another one's."""

    def __init__(self, *replicas: CollectorRegistry) -> None:
        self._replicas = itertools.cycle(replicas)

    def collect(self) -> Iterator[Metric]:
        """What the one has to say whose turn it is."""
        return iter(list(next(self._replicas).collect()))


class Components:
    """Three components of the pipeline as far as the watcher sees them: the metrics that they serve."""

    def __init__(self, pipeline: str) -> None:
        registries = {name: CollectorRegistry() for name in ("producer-vitals", "landing", "dispatch")}
        producer, landing, dispatch = registries.values()
        self.events = Counter("health_producer_events", "x", ["pipeline", "source", "result"], registry=producer)
        self.events.labels(pipeline, "vitals", "published").inc(1000)
        self.source_lag = Gauge("health_producer_source_lag_seconds", "x", ["pipeline", "source"], registry=producer)
        self.source_lag.labels(pipeline, "vitals").set(0.25)
        topic = f"{pipeline}.vitals"
        lag = Gauge("health_streaming_lag_seconds", "x", ["pipeline", "query", "topic"], registry=landing)
        lag.labels(pipeline, "landing", topic).set(7)
        lag.labels(pipeline, "alerts", topic).set(700)  # from the end of a long batch: it says nothing
        freshness = Gauge("health_lake_freshness_seconds", "x", ["pipeline", "table"], registry=landing)
        freshness.labels(pipeline, "vitals").set(11)
        dispatch.register(InTurns(_replica(pipeline, alerts=9000), _replica(pipeline, alerts=12)))
        self._servers = {name: start_http_server(0, "127.0.0.1", registry) for name, registry in registries.items()}

    @property
    def targets(self) -> tuple[MetricsTarget, ...]:
        """As the watcher is told."""
        ports = {name: server.server_port for name, (server, _) in self._servers.items()}
        return tuple(
            MetricsTarget(component=name, url=f"http://127.0.0.1:{port}/metrics") for name, port in ports.items()
        )

    def end(self, name: str) -> None:
        """One of them answers no longer."""
        server, thread = self._servers.pop(name)
        server.shutdown()
        server.server_close()
        thread.join()


def _replica(pipeline: str, alerts: int) -> CollectorRegistry:
    """Of dispatch, that has seen so many alerts of a minute's age in all its time."""
    registry = CollectorRegistry()
    for name in ("alert", "dispatch"):
        seen = Histogram(f"health_{name}_latency_seconds", "x", ["pipeline"], registry=registry, buckets=BUCKETS)
        for _ in range(alerts):
            seen.labels(pipeline).observe(60)
    return registry


@pytest.fixture
def parts(pipeline_names: Iterator[str]) -> Iterator[Components]:
    made = Components(next(pipeline_names))
    yield made
    for target in made.targets:
        made.end(target.component)


@contextmanager
def standing_in_for_the_alerts_job(broker: str, names: dict[str, str]) -> Iterator[None]:
    """NOT the real job, which is Spark's: copies each vital that is a canary into an alert."""
    stop = threading.Event()
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": f"{names['vitals']}-copy", "enable.auto.commit": False}
    )
    consumer.assign([TopicPartition(names["vitals"], partition, 0) for partition in range(2)])
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})

    def copy() -> None:
        while not stop.is_set():
            for message in consumer.consume(100, 0.1):
                assert message.error() is None
                vital = decode(message.value(), VITALS)
                if vital["canary"] and vital["spo2"] <= 91:
                    producer.produce(names["alerts"], encode(alert_of(vital)), "default")
            producer.flush(5)

    thread = threading.Thread(target=copy)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        consumer.close()


def alert_of(vital: dict[str, Any]) -> dict[str, Any]:
    """As the alerts job has it."""
    own = {"event_id": f"alert-{vital['event_id']}", "area": "default", "vital_event_id": vital["event_id"]}
    own |= {"metric": "spo2", "value": vital["spo2"], "rule": "spo2 <= 91", "severity": "critical"}
    record = {field.name: vital.get(field.name) for field in ALERTS.fields} | own
    return decode(encode(record), ALERTS)


def real_vital(number: int) -> dict[str, Any]:
    return {
        "event_id": f"vital-{number}", "source": "vitals", "entity_id": f"patient-{number}", "device_id": "watch",
        "observed_at": time.time_ns() // 1_000_000, "latitude": 51.5, "longitude": -0.1, "spo2": 85.0,
    }  # fmt: skip


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
        assert canary_partitions(broker, names["vitals"]) == {0, 1}
    with watching(settings, log):  # it has nothing of its own to remember; canaries of before do not count as alerts
        reaches(settings, lambda told: totals.items() <= told.items(), log)
        assert ask(settings.port, "/else") == ""


def canary_partitions(broker: str, topic: str) -> set[int]:
    """Where canaries have been written."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "none", "enable.auto.commit": False})
    ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)[1] for number in (0, 1)}
    consumer.close()
    return {number for number, end in ends.items() if end}


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

"""What the watcher's tests put around it: metrics of components, and a stand-in for the alerts job."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from health_events import ALERTS, VITALS, decode, encode
from health_pipeline.settings import MetricsTarget
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, start_http_server
from prometheus_client.registry import Collector

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


class StandIn(threading.Thread):
    """NOT the real alerts job, which is Spark's: copies each vital that is a canary into an alert.

    A partition of vitals can be held, which is where it stands still then.
    """

    def __init__(self, broker: str, names: dict[str, str]) -> None:
        super().__init__(name="stand-in")
        self._names, self._ended = names, threading.Event()
        self._held: set[int] = set()
        self._is_seen = threading.Event()
        self.place: dict[int, int] = {0: 0, 1: 0}
        self._consumer = Consumer(
            {"bootstrap.servers": broker, "group.id": f"{names['vitals']}-copy", "enable.auto.commit": False}
        )
        self._consumer.assign([TopicPartition(names["vitals"], partition, 0) for partition in self.place])
        self._producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})

    def hold(self, *partitions: int) -> None:
        """These, from now on, and no others."""
        self._held = {*partitions}
        self._is_seen.clear()
        assert self._is_seen.wait(30)

    def run(self) -> None:
        while not self._ended.is_set():
            self._hold()
            for message in self._consumer.consume(100, 0.1):
                assert message.error() is None
                self.place[message.partition() or 0] = (message.offset() or 0) + 1
                vital = decode(message.value(), VITALS)
                if vital.get("canary") and vital["spo2"] <= 91:
                    self._producer.produce(self._names["alerts"], encode(alert_of(vital)), "default")
            self._producer.flush(5)

    def _hold(self) -> None:
        if not self._is_seen.is_set():
            places = {held: [TopicPartition(self._names["vitals"], each) for each in self.place
                             if (each in self._held) == held] for held in (True, False)}  # fmt: skip
            self._consumer.pause(places[True])
            self._consumer.resume(places[False])
            self._is_seen.set()

    def end(self) -> None:
        self._ended.set()
        self.join()
        self._consumer.close()


@contextmanager
def standing_in_for_the_alerts_job(broker: str, names: dict[str, str]) -> Iterator[StandIn]:
    """For the block's length."""
    job = StandIn(broker, names)
    job.start()
    try:
        yield job
    finally:
        job.end()


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

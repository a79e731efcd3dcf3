"""A pipeline that lives, without Spark: the console shows what real simulator, producers, dispatch and lag make.

NOT real are landing, alerts and transform, which take Spark and half a minute: a thread copies readings that break a
rule into alerts, and the three answer with made-up metrics. So what is tested here is the console, not the path.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Consumer, Producer, TopicPartition
from health_events import ALERTS, VITALS, ContractError, decode, encode, topic_name
from health_pipeline import Component, read_pipeline
from health_pipeline.settings import ConsoleSettings
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.layout import Layout, lay_out
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import Command, Process
from healthctl.embedded.services import answers
from healthctl.embedded.topics import ensure_topics
from healthctl.embedded.waiting import wait_until
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

TOKEN, PATIENTS_TOKEN = "only-for-this-test", "only-for-this-test-and-patients"
SPOILT = {"malformed": 0.01, "outOfRange": 0.01}
DOCUMENT: dict[str, Any] = {
    "apiVersion": "health-streaming.com/v1alpha1",
    "kind": "HealthPipeline",
    "metadata": {"name": "london"},
    "spec": {
        "sources": [
            {"name": "vitals", "simulate": {"entities": 300, "eventsPerSecond": 150, "seed": 7, "faults": SPOILT}},
            {"name": "vehicles", "simulate": {"entities": 200, "eventsPerSecond": 1000, "seed": 7}},
            {"name": "weather", "simulate": {"entities": 8, "eventsPerSecond": 4, "seed": 7}},
        ],
        "lake": {"bucket": "s3://unused"},
        "dispatch": {"radiusKm": 5},
        "console": {
            "tokenRef": {"name": "console", "key": "token"},
            "patientsTokenRef": {"name": "console", "key": "patients"},
        },
    },
}


@dataclass(frozen=True)
class LivingCity:
    """What runs. ``url`` is the console's."""

    url: str
    processes: dict[str, Process]

    def check(self) -> None:
        """AssertionError with the log of whatever has ended."""
        for process in self.processes.values():
            assert process.ended() is None, process.command.log.read_text()


@contextmanager
def living_city(folder: Path) -> Iterator[LivingCity]:
    """The pipeline for the block's length; it is ready when the console is."""
    book = PortBook()
    with ExitStack() as stack:
        broker = stack.enter_context(KafkaBroker(folder / "broker")).files.bootstrap
        external = {"mode": "external", "external": {"bootstrapServers": broker, "tls": False}}
        document = DOCUMENT | {"spec": DOCUMENT["spec"] | {"kafka": external}}
        layout = lay_out(read_pipeline(document), book.port, watched=True)
        ensure_topics(layout.kafka.client_config(), layout.topics, 1)
        _stand_in_for_spark(stack, layout, book)
        processes = {}
        for component in layout.components:
            if not component.spark:
                processes[component.name] = _started(component, folder)
                stack.callback(processes[component.name].stop)
        city = LivingCity(f"http://{LOOPBACK}:{book.port('console', 'http')}", processes)
        for name in processes:
            port = book.port(name, "metrics")
            assert wait_until(lambda port=port: answers(port, "/readyz"), 60), city.check() or f"{name} is not ready"
        assert wait_until(lambda: _knows_streets(city.url), 60), "the console knows no streets"
        yield city


def _knows_streets(url: str) -> bool:
    answer = httpx.get(f"{url}/api/about", headers={"authorization": f"Bearer {TOKEN}"})
    return bool(answer.raise_for_status().json()["streets"])


def _started(component: Component, folder: Path) -> Process:
    secrets = {}
    if isinstance(component.settings, ConsoleSettings):
        secrets = {"HEALTH_TOKEN": TOKEN, "HEALTH_PATIENTS_TOKEN": PATIENTS_TOKEN}
    command = (sys.executable, "-m", component.module)
    return Process(
        Command(component.name, command, folder / f"{component.name}.log", os.environ | component.env | secrets)
    )


def _stand_in_for_spark(stack: ExitStack, layout: Layout, book: PortBook) -> None:
    stop = threading.Event()
    registries = {name: CollectorRegistry() for name in ("landing", "alerts", "transform")}
    for name, registry in registries.items():
        server, thread = start_http_server(book.port(name, "metrics"), LOOPBACK, registry)
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
    pipeline = layout.pipeline.name
    for target in (_copy_alerts, _show_landing):
        given = (layout.kafka.bootstrap_servers, pipeline, stop) if target is _copy_alerts else (
            registries["landing"], pipeline, stop,
        )  # fmt: skip
        made = threading.Thread(target=target, args=given)
        made.start()
        stack.callback(made.join)
        stack.callback(stop.set)


def _copy_alerts(broker: str, pipeline: str, stop: threading.Event) -> None:
    vitals = topic_name(pipeline, VITALS)
    config = {"bootstrap.servers": broker, "group.id": "copy", "enable.auto.commit": False, "fetch.wait.max.ms": 5}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(vitals, number, 0) for number in range(2)])
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
    while not stop.is_set():
        for message in consumer.consume(100, 0.02):
            for alert in _alerts_of(message.value() or b""):
                producer.produce(topic_name(pipeline, ALERTS), encode(alert), "default")
        producer.poll(0)
    producer.flush(5)
    consumer.close()


def _alerts_of(payload: bytes) -> Iterator[dict[str, Any]]:
    try:
        vital = decode(payload, VITALS)
    except ContractError:
        return
    spo2, rate = vital.get("spo2"), vital.get("heart_rate")
    broken = [("spo2", spo2, "spo2 <= 91")] if spo2 is not None and spo2 <= 91 else []
    broken += [("heart_rate", rate, "heart_rate >= 131")] if rate is not None and rate >= 131 else []
    for metric, value, rule in broken:
        own = {"event_id": f"{vital['event_id']}-{metric}", "vital_event_id": vital["event_id"], "area": "default"}
        own |= {"metric": metric, "value": value, "rule": rule, "severity": "critical"}
        yield {field.name: vital.get(field.name) for field in ALERTS.fields} | own


def _show_landing(registry: CollectorRegistry, pipeline: str, stop: threading.Event) -> None:
    """As landing's own metrics look when it lands every five seconds."""
    labels = ["pipeline", "query", "topic", "partition"]
    records = Gauge("health_streaming_lag_records", "x", labels, registry=registry)
    seconds = Gauge("health_streaming_lag_seconds", "x", labels[:3], registry=registry)
    rows = Counter("health_streaming_rows", "x", ["pipeline", "query", "result"], registry=registry)
    freshness = Gauge("health_lake_freshness_seconds", "x", ["pipeline", "table"], registry=registry)
    rates = {"vitals": 150, "vehicles": 1000, "weather": 4}
    began = time.monotonic()
    while not stop.wait(0.5):
        behind = (time.monotonic() - began) % 5
        for source, rate in rates.items():
            topic = f"{pipeline}.{source}"
            records.labels(pipeline, "landing", topic, "0").set(round(rate * behind))
            seconds.labels(pipeline, "landing", topic).set(behind)
            freshness.labels(pipeline, source).set(behind + 1.2)
        rows.labels(pipeline, "landing", "read").inc(sum(rates.values()) / 2)

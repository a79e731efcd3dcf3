"""Source to Kafka: our producer against a loop that flushes after each message, over the same readings."""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from confluent_kafka import Consumer, Producer, TopicPartition
from health_events import VITALS, topic_name
from health_pipeline.settings import ProducerSettings

from tests.bench.load import NORMAL, vital
from tests.bench.part import free_port, running
from tests.bench.stage import Stage

MESSAGES, WARM_UP = 600_000, 100_000
FLUSH_SECONDS = 8.0
CHUNK = 2000


def measure_ours(stage: Stage, pipeline: str = "bench-producer", *, pseudonyms: bool = False) -> float:
    """Messages a second from an HTTP stream that is always ahead to the broker: read, checked, delivered.

    With ``pseudonyms`` patients get other names on the way.
    """
    key = secrets.token_hex(32)
    stage.make_topics(pipeline)
    topic = topic_name(pipeline, VITALS)
    with _source(_lines(MESSAGES)) as url:
        settings = ProducerSettings(
            **stage.common(pipeline),
            metrics_port=free_port(),
            bootstrap_servers=stage.bootstrap,
            source="vitals",
            url=url,
            pseudonym_key_id="k1" if pseudonyms else "",
            pseudonym_key=key,
        )
        with running("health_producer", settings, stage.log(pipeline), {"HEALTH_PSEUDONYM_KEY": key}):
            _wait_for(stage.bootstrap, topic, WARM_UP)
            begun, first = time.monotonic(), _count(stage.bootstrap, topic)
            _wait_for(stage.bootstrap, topic, MESSAGES)
            return (MESSAGES - first) / (time.monotonic() - begun)


def measure_flush_per_message(stage: Stage) -> float:
    """Messages a second of the same readings, produced and flushed one by one."""
    pipeline = "bench-flush"
    stage.make_topics(pipeline)
    topic = topic_name(pipeline, VITALS)
    producer = Producer({"bootstrap.servers": stage.bootstrap, "enable.idempotence": True, "acks": "all"})
    readings = [json.loads(line)["record"] for line in _lines(20_000)]
    for reading in readings[:200]:
        _produce(producer, topic, reading)
    begun, sent = time.monotonic(), 0
    while time.monotonic() - begun < FLUSH_SECONDS:
        _produce(producer, topic, readings[sent % len(readings)])
        sent += 1
    return sent / (time.monotonic() - begun)


def _produce(producer: Producer, topic: str, reading: dict[str, object]) -> None:
    producer.produce(topic, key=str(reading["entity_id"]), value=json.dumps(reading).encode())
    producer.flush()


def _lines(count: int) -> list[bytes]:
    city = random.Random(7)
    return [
        json.dumps({"cursor": str(number), "record": vital(number, NORMAL, 1000, city)}, separators=(",", ":")).encode()
        + b"\n"
        for number in range(1, count + 1)
    ]


@contextmanager
def _source(lines: list[bytes]) -> Iterator[str]:
    """A source of our shape that has everything ready; it keeps the stream open afterwards."""
    chunks = [b"".join(lines[start : start + CHUNK]) for start in range(0, len(lines), CHUNK)]
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(chunk)
            while not over.wait(2):
                self.wfile.write(b"\n")

        def log_message(self, *_: object) -> None:
            """Not of interest."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/vitals"
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def _count(bootstrap: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-count"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        marks = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10) for number in partitions]
        return sum(high - low for low, high in marks)
    finally:
        consumer.close()


def _wait_for(bootstrap: str, topic: str, messages: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while _count(bootstrap, topic) < messages:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{topic} holds {_count(bootstrap, topic)} of {messages} messages after {seconds:g} s")
        time.sleep(0.05)

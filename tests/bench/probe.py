"""Latencies as a consumer sees them: the record's broker timestamp, or its arrival, minus the reading's moment."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, Message, TopicPartition


def at_broker(message: Message) -> int:
    """When the broker appended the record, ms (the topic uses LogAppendTime)."""
    moment: int = message.timestamp()[1]
    return moment


def at_consumer(_: Message) -> int:
    """When this process got the record, ms."""
    return time.time_ns() // 1_000_000


class LatencyProbe:
    """Follows a topic from its end on; read committed."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"bench-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 5,
            }
        )
        partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in partitions])

    def collect(
        self,
        seconds: float,
        moment: Callable[[Message], int],
        wanted: Callable[[dict[str, Any]], bool] = lambda _: True,
    ) -> list[float]:
        """Latencies in ms of the wanted records that come within ``seconds``."""
        found: list[float] = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self._consumer.consume(500, timeout=0.05):
                record = None if message.error() else json.loads(message.value() or b"null")
                if record is not None and wanted(record):
                    found.append(float(moment(message) - record["observed_at"]))
        return found

    def wait_for_one(self, seconds: float) -> None:
        """Return when a record comes; TimeoutError when none does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.2)
            if message is not None and not message.error():
                return
        raise TimeoutError(f"no record within {seconds:g} s")

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


def percentiles(values: list[float]) -> dict[str, float]:
    """Nearest-rank p50, p95, p99 and max, and how many values there were."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    found = {f"p{rank}": ordered[math.ceil(rank / 100 * len(ordered)) - 1] for rank in (50, 95, 99)}
    return {**found, "max": ordered[-1], "count": len(ordered)}

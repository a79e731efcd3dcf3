"""Vital signs at a steady rate straight into Kafka, stamped with the moment they are handed to the client."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import Any

from confluent_kafka import Producer

TICK_S = 0.01
NORMAL, ABNORMAL = 72.0, 150.0


def vital(sequence: int, heart_rate: float, patients: int, city: random.Random) -> dict[str, Any]:
    """One valid reading of one of ``patients`` patients, now."""
    patient = sequence % patients
    return {
        "event_id": f"bench-{sequence:012d}",
        "source": "vitals",
        "entity_id": f"patient-{patient:06d}",
        "observed_at": time.time_ns() // 1_000_000,
        "latitude": 51.5 + city.uniform(-0.04, 0.04),
        "longitude": -0.12 + city.uniform(-0.06, 0.06),
        "device_id": f"watch-{patient:06d}",
        "heart_rate": heart_rate,
        "spo2": 98.0,
    }


class VitalsLoad:
    """A thread that produces ``rate`` readings a second, ``abnormal`` of them (a fraction) breaking the NEWS2 rule.

    With ``flush_each`` it flushes after every message, as tutorials do.
    """

    def __init__(
        self, bootstrap: str, topic: str, rate: int, abnormal: float, *, patients: int = 1000, flush_each: bool = False
    ) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2, "compression.type": "lz4"})
        self._topic, self._rate, self._abnormal, self._patients = topic, rate, abnormal, patients
        self._flush_each = flush_each
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> VitalsLoad:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.flush(10)

    def _run(self) -> None:
        city = random.Random(7)
        started, sent = time.monotonic(), 0
        while not self._stop.wait(TICK_S):
            due = int((time.monotonic() - started) * self._rate)
            for sequence in range(sent, due):
                self._send(sequence, city)
            sent = due
            self._producer.poll(0)

    def _send(self, sequence: int, city: random.Random) -> None:
        heart_rate = ABNORMAL if city.random() < self._abnormal else NORMAL
        reading = vital(sequence, heart_rate, self._patients, city)
        self._producer.produce(self._topic, key=reading["entity_id"], value=json.dumps(reading).encode())
        if self._flush_each:
            self._producer.flush()

"""Vitals to dispatch: alerts job and dispatch service, a fleet that takes each order and is free again at once."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from typing import Any

from confluent_kafka import Consumer, Producer
from health_events import DISPATCHES, VEHICLES, VITALS, topic_name
from health_pipeline.settings import DispatchSettings

from tests.bench.alerts import MEASURED_S, WARM_UP_S, alerts_settings
from tests.bench.load import VitalsLoad
from tests.bench.part import free_port, running
from tests.bench.probe import LatencyProbe, at_consumer, percentiles
from tests.bench.stage import Stage

RATE, ABNORMAL, VEHICLE_COUNT = 1000, 0.02, 200


class Fleet:
    """Vehicles all over the city; each reports once a second, and at once when it is sent somewhere."""

    def __init__(self, bootstrap: str, pipeline: str) -> None:
        self._vehicles, self._dispatches = topic_name(pipeline, VEHICLES), topic_name(pipeline, DISPATCHES)
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2})
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"bench-fleet-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        city = random.Random(11)
        self._homes = [(51.5 + city.uniform(-0.04, 0.04), -0.12 + city.uniform(-0.06, 0.06))
                       for _ in range(VEHICLE_COUNT)]  # fmt: skip
        self._served: dict[int, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    def __enter__(self) -> Fleet:
        self._consumer.subscribe([self._dispatches])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.flush(10)
        self._consumer.close()

    def _run(self) -> None:
        next_round = time.monotonic()
        while not self._stop.is_set():
            if time.monotonic() >= next_round:
                next_round += 1
                for number in range(VEHICLE_COUNT):
                    self._report(number)
            for message in self._consumer.consume(100, timeout=0.02):
                if not message.error():
                    self._obey(json.loads(message.value() or b""))
            self._producer.poll(0)

    def _obey(self, dispatch: dict[str, Any]) -> None:
        if dispatch["outcome"] == "dispatched":
            number = int(dispatch["vehicle_id"].removeprefix("vehicle-"))
            self._served[number] = dispatch["dispatch_id"]
            self._report(number)

    def _report(self, number: int) -> None:
        latitude, longitude = self._homes[number]
        report = {
            "event_id": str(uuid.uuid4()),
            "source": "vehicles",
            "entity_id": f"vehicle-{number}",
            "observed_at": time.time_ns() // 1_000_000,
            "latitude": latitude,
            "longitude": longitude,
            "speed_kmh": 0.0,
            "heading_deg": 0.0,
            "kind": "ambulance",
            "status": "idle",
            "dispatch_id": self._served.get(number),
        }
        self._producer.produce(self._vehicles, key=f"vehicle-{number}", value=json.dumps(report).encode())


def measure(stage: Stage) -> dict[str, float]:
    """Latency, ms, from the reading to the committed dispatch in the hands of a read-committed consumer."""
    pipeline = "bench-dispatch"
    stage.make_topics(pipeline)
    settings = DispatchSettings(
        **stage.common(pipeline),
        metrics_port=free_port(),
        bootstrap_servers=stage.bootstrap,
        radius_km=10,
        position_ttl_s=30,
        patient_cooldown_s=0,
        retry_for_s=60,
        ack_timeout_s=30,
        alert_ttl_s=600,
    )
    alerts = alerts_settings(stage, pipeline, "realtime")
    with (
        running("health_streaming.jobs.alerts", alerts, stage.log("dispatch-alerts")),
        running("health_dispatch", settings, stage.log("dispatch")),
        Fleet(stage.bootstrap, pipeline),
    ):
        return _under_load(stage, pipeline)


def _under_load(stage: Stage, pipeline: str) -> dict[str, float]:
    probe = LatencyProbe(stage.bootstrap, topic_name(pipeline, DISPATCHES))
    try:
        with VitalsLoad(stage.bootstrap, topic_name(pipeline, VITALS), RATE, ABNORMAL, patients=100_000):
            probe.wait_for_one(120)
            probe.collect(WARM_UP_S, at_consumer)
            return percentiles(probe.collect(MEASURED_S, at_consumer, lambda record: record["outcome"] == "dispatched"))
    finally:
        probe.close()

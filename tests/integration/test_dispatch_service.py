"""The real process on a real broker: what it commits holds whatever is killed, and it is quick."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer
from health_events import ALERTS, DISPATCHES, decode, encode, violations
from health_pipeline.settings import DispatchSettings, ServiceArea
from healthctl.embedded.ports import free_port

RADIUS_KM = 5.0
TURNAROUND_S = 1.0  # from taking an order to being idle again
AREAS = ("north", "south")  # a partition of alerts each
CENTRE = (51.5, -0.1)

MakeTopics = Callable[..., dict[str, str]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class World:
    """Patients and vehicles as the test wants them. A thread reports every vehicle and drives those that are sent."""

    def __init__(self, bootstrap: str, topics: dict[str, str], areas: tuple[str, ...]) -> None:
        self.topics, self.areas, self.bootstrap = topics, areas, bootstrap
        self.records: list[tuple[int, dict[str, Any]]] = []  # (Kafka timestamp, record) of dispatches, in order
        self.alerts: dict[str, dict[str, Any]] = {}
        self.written: dict[str, int] = {}  # alert id -> Kafka timestamp
        self.deaf: set[str] = set()  # vehicles that take no order
        self._vehicles: dict[str, dict[str, Any]] = {}
        self._busy_until: dict[str, float] = {}
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drive)

    def __enter__(self) -> World:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def add_vehicle(
        self, name: str, area: str | None, latitude: float, longitude: float, kind: str = "ambulance"
    ) -> None:
        vehicle = {"source": "vehicles", "entity_id": name, "latitude": latitude, "longitude": longitude,
                   "speed_kmh": 0, "heading_deg": 0, "kind": kind, "status": "idle", "area": area,
                   "dispatch_id": None, "dispatched_at": None}  # fmt: skip
        self._vehicles = {**self._vehicles, name: vehicle}

    def alert(self, number: int, patient: str, area: str, latitude: float, longitude: float, **more: Any) -> str:
        alert_id = f"alert-{number}"
        self.alerts[alert_id] = {
            "event_id": alert_id, "source": "alerts", "entity_id": patient, "observed_at": now_ms(),
            "latitude": latitude, "longitude": longitude, "area": area, "vital_event_id": f"vital-{number}",
            "device_id": "watch", "metric": "spo2", "value": 88.0, "rule": "spo2 <= 91", "severity": "critical",
            "canary": None, **more,
        }  # fmt: skip
        self.send_again(alert_id)
        return alert_id

    def send_again(self, alert_id: str) -> None:
        alert = self.alerts[alert_id]
        assert not list(violations(alert, ALERTS))
        self.send(encode(alert), alert["area"], alert_id)

    def send(self, payload: bytes, area: str, alert_id: str = "") -> None:
        def delivered(_: object, message: Message) -> None:
            self.written.setdefault(alert_id, message.timestamp()[1])

        # The first area goes to partition 0, the second to 1; that each area keeps to one is all that matters.
        self._producer.produce(self.topics["alerts"], payload, area, self.areas.index(area), on_delivery=delivered)
        self._producer.poll(0)

    def outcomes(self, alert_id: str) -> list[str]:
        return [record["outcome"] for _, record in self.records if record["alert_id"] == alert_id]

    def _drive(self) -> None:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.topics['pipeline']}.world",
                             "isolation.level": "read_committed", "auto.offset.reset": "earliest"})  # fmt: skip
        consumer.subscribe([self.topics["dispatches"]])
        reported = 0.0
        while not self._stop.is_set():
            message = consumer.poll(0.02)
            if message is not None and message.error() is None:
                self._take(message.timestamp()[1], decode(message.value() or b"", DISPATCHES))
            if time.monotonic() - reported > 0.2:
                reported = time.monotonic()
                self._report(reported)
        consumer.close()
        self._producer.flush(10)

    def _take(self, timestamp: int, record: dict[str, Any]) -> None:
        self.records.append((timestamp, record))
        if record["outcome"] == "dispatched" and record["vehicle_id"] not in self.deaf:
            order = {"status": "dispatched", "dispatch_id": record["dispatch_id"], "dispatched_at": now_ms()}
            self._vehicles[record["vehicle_id"]].update(order)
            self._busy_until[record["vehicle_id"]] = time.monotonic() + TURNAROUND_S

    def _report(self, now: float) -> None:
        for name, vehicle in self._vehicles.items():
            if self._busy_until.get(name, now) < now:
                vehicle["status"] = "idle"
            report = {"event_id": f"{name}-{time.time_ns()}", "observed_at": now_ms(), **vehicle}
            self._producer.produce(self.topics["vehicles"], encode(report), name)
        self._producer.poll(0)


class Instance:
    """One process of dispatch."""

    def __init__(self, settings: DispatchSettings, log: Path) -> None:
        self.port, self.log = settings.metrics_port, log
        with log.open("ab") as output:
            self.process = subprocess.Popen([sys.executable, "-m", "health_dispatch"], stdout=output, stderr=output,
                                            env={**os.environ, **settings.to_env()})  # fmt: skip

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
            return True
        return False

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as answer:
            return str(answer.read().decode())

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


StartInstance = Callable[..., Instance]


@pytest.fixture
def topics(make_pipeline_topics: MakeTopics) -> dict[str, str]:
    return make_pipeline_topics(partitions={"alerts": 2, "dispatches": 2, "vehicles": 2})


@pytest.fixture
def start(broker: str, topics: dict[str, str], tmp_path: Path) -> Iterator[StartInstance]:
    instances: list[Instance] = []

    def start_one(**more: Any) -> Instance:
        polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
        told = {"radius_km": RADIUS_KM, "position_ttl_s": 5.0, "patient_cooldown_s": 20.0, "retry_for_s": 20.0,
                "ack_timeout_s": 3.0, "alert_ttl_s": 60.0}  # fmt: skip
        settings = DispatchSettings(pipeline=topics["pipeline"], bootstrap_servers=broker, metrics_port=free_port(),
                                    areas=tuple(ServiceArea(name=name, polygon=polygon) for name in AREAS),
                                    **{**told, **more})  # fmt: skip
        instances.append(Instance(settings, tmp_path / f"dispatch-{len(instances)}.log"))
        return instances[-1]

    yield start_one
    for instance in instances:
        if instance.process.poll() is None:
            instance.process.kill()
            instance.process.wait(10)


@pytest.fixture
def world(broker: str, topics: dict[str, str]) -> Iterator[World]:
    with World(broker, topics, AREAS) as made:
        yield made


def check_rules(records: list[tuple[int, dict[str, Any]]]) -> None:
    """Whatever happened: no vehicle, patient or alert has two open assignments, and nobody went too far."""
    vehicles: dict[str, str] = {}
    patients: dict[str, str] = {}
    ids: set[str] = set()
    dispatched: Counter[str] = Counter()
    returned: Counter[str] = Counter()
    for _, record in records:
        vehicle, patient, dispatch_id = record["vehicle_id"], record["entity_id"], record["dispatch_id"]
        assert record["event_id"] not in ids, "written twice"
        ids.add(record["event_id"])
        if record["outcome"] == "dispatched":
            assert vehicle not in vehicles, f"{vehicle} is sent twice"
            assert patient not in patients, f"{patient} gets two vehicles"
            assert record["distance_km"] <= RADIUS_KM
            assert [one["vehicle_id"] for one in record["candidates"] if one["verdict"] == "chosen"] == [vehicle]
            vehicles[vehicle] = patients[patient] = dispatch_id
            dispatched[record["alert_id"]] += 1
        elif record["outcome"] == "released":
            assert vehicles.pop(vehicle) == dispatch_id
            assert patients.pop(patient) == dispatch_id
            returned[record["alert_id"]] += 1
    assert all(times - returned[alert_id] <= 1 for alert_id, times in dispatched.items())


def percentiles(values: list[int]) -> dict[str, int]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49]), "p95": round(cuts[94]), "p99": round(cuts[98]), "max": max(values)}


def test_every_alert_gets_a_vehicle_of_its_own_and_most_within_two_seconds(world: World, start: StartInstance) -> None:
    for number in range(150):
        world.add_vehicle(f"v{number:03}", "north", CENTRE[0] + number * 0.0002, CENTRE[1])
    instance = start()
    wait_until(lambda: instance.is_ready() and 'state="idle"} 150.0' in instance.metrics(), "the fleet is known")
    for number in range(150):
        world.alert(number, f"p{number}", "north", CENTRE[0], CENTRE[1])
        time.sleep(0.02)
    wait_until(lambda: all(world.outcomes(alert_id) for alert_id in world.alerts), "every alert has an outcome")
    wait_until(lambda: len(world.written) == len(world.alerts), "every alert is reported as delivered")
    check_rules(world.records)
    written = [(at, one["alert_id"]) for at, one in world.records if one["outcome"] == "dispatched"]
    assert len(written) == 150
    # Both by the broker's clock; without the first ones, which pay for connections.
    taken = [at - world.written[alert_id] for at, alert_id in written][20:]
    sys.stdout.write(f"from the alert on Kafka to its dispatch on Kafka, ms: {percentiles(taken)}\n")
    assert statistics.median(taken) < 2000, "far too slow even for a machine that is busy with something else"
    assert 'health_dispatch_total{outcome="dispatched"' in instance.metrics()
    assert instance.end(signal.SIGTERM) == 0


def test_the_unusual_ones(world: World, start: StartInstance) -> None:
    world.add_vehicle("stranger", "atlantis", *CENTRE)
    world.add_vehicle("police", "north", *CENTRE, kind="police")
    world.add_vehicle("deaf", "north", CENTRE[0] + 0.01, CENTRE[1])
    world.add_vehicle("second", "north", CENTRE[0] + 0.02, CENTRE[1])
    world.deaf.add("deaf")
    instance = start()
    wait_until(lambda: instance.is_ready() and 'state="idle"} 2.0' in instance.metrics(), "the fleet is known")
    world.send(b'{"not": "an alert"}', "north")
    canary = world.alert(0, "canary", "north", *CENTRE, canary=True)
    alert_id = world.alert(1, "p", "north", *CENTRE)
    world.send_again(alert_id)
    wait_until(lambda: world.outcomes(alert_id) == ["dispatched", "released", "dispatched", "released"], "served")
    taken = [record["vehicle_id"] for _, record in world.records]
    assert taken == ["deaf", "deaf", "second", "second"]
    suppressed = world.alert(2, "p", "north", *CENTRE)
    old = world.alert(3, "q", "north", *CENTRE, observed_at=now_ms() - 61_000)
    lonely = world.alert(4, "r", "south", *CENTRE)
    wait_until(lambda: all(world.outcomes(one) for one in (suppressed, old, lonely)), "every alert has an outcome")
    assert [world.outcomes(one) for one in (canary, suppressed, old, lonely)] == [
        [], ["suppressed"], ["suppressed"], ["unassigned"],
    ]  # fmt: skip
    check_rules(world.records)
    assert "atlantis" in instance.log.read_text() and "is passed over" in instance.log.read_text()
    assert instance.end(signal.SIGTERM) == 0


def test_two_instances_killed_again_and_again(world: World, start: StartInstance) -> None:
    chance = random.Random(7)
    for area in AREAS:
        for number in range(12):
            world.add_vehicle(f"{area}-{number}", area, CENTRE[0] + chance.uniform(-0.05, 0.05), CENTRE[1])
    instances = [start(), start()]
    wait_until(lambda: all(one.is_ready() for one in instances), "both are ready")

    def trouble(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            area = chance.choice(AREAS)
            world.alert(len(world.alerts), f"{area}-{chance.randrange(40)}", area,
                        CENTRE[0] + chance.uniform(-0.05, 0.05), CENTRE[1])  # fmt: skip
            if chance.random() < 0.2:
                world.send_again(chance.choice(list(world.alerts)))
            time.sleep(0.02)

    for turn in range(3):
        trouble(chance.uniform(1, 2))
        victim = instances.pop(turn % 2)
        victim.process.kill()
        victim.process.wait(10)
        instances.append(start())
        while not all(one.is_ready() for one in instances):
            trouble(0.2)
    trouble(1)
    assert instances.pop().end(signal.SIGTERM) == 0
    wait_until(lambda: all(world.outcomes(one) for one in list(world.alerts)), "every alert has an outcome", 90)
    check_rules(world.records)
    seen = Counter(record["outcome"] for _, record in world.records)
    sys.stdout.write(f"{len(world.alerts)} alerts: {dict(seen)}\n")
    assert seen["dispatched"] > 20
    areas = defaultdict(set)
    for _, record in world.records:
        areas[record["area"]].add((record["vehicle_id"] or record["area"]).split("-")[0])
    assert areas == {area: {area} for area in AREAS}


def test_a_missing_setting_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "health_dispatch"], capture_output=True, text=True, check=False,
                          cwd=tmp_path, env={"PATH": os.environ["PATH"]})  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "dispatch: HEALTH_PIPELINE is not set\n")

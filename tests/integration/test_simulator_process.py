"""The simulator as it is run: a process of its own, beside a real Kafka or without one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer
from health_events import encode
from health_pipeline.settings import SimulatedSource, SimulatorSettings


@dataclass
class Simulator:
    process: subprocess.Popen[str]
    api: httpx.Client
    metrics: httpx.Client

    def vehicle(self, name: str) -> dict[str, Any]:
        """The vehicle's latest report, waited for: one that just started may not have reported yet."""
        until(lambda: bool(self._report(name)))
        return self._report(name)

    def _report(self, name: str) -> dict[str, Any]:
        stats = self.api.get("/v1/vehicles/stats").json()
        after = int(stats["first"]) - 1 + max(0, stats["generated"] - 20)
        items = self.api.get("/v1/vehicles", params={"after": after}).json()["items"]
        return next((item["record"] for item in reversed(items) if item["record"]["entity_id"] == name), {})


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def settings(bootstrap: str, pipeline: str, **more: Any) -> SimulatorSettings:
    sources = (SimulatedSource(name="vehicles", entities=10, events_per_second=50, seed=7),)
    given: dict[str, Any] = {"port": free_port(), "metrics_port": free_port(), "sources": sources} | more
    return SimulatorSettings(pipeline=pipeline, bootstrap_servers=bootstrap, **given)


def launch(told: SimulatorSettings) -> subprocess.Popen[str]:
    environment = {**os.environ, **told.to_env()}
    return subprocess.Popen(
        [sys.executable, "-m", "health_simulator"], env=environment, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def running(told: SimulatorSettings) -> Iterator[Simulator]:
    process = launch(told)
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{told.port}") as api,
        httpx.Client(base_url=f"http://127.0.0.1:{told.metrics_port}") as metrics,
    ):
        try:
            until(lambda: _is_ready(metrics))
            yield Simulator(process, api, metrics)
            process.terminate()
            process.communicate(timeout=5)
            assert process.returncode == 0
        finally:
            process.kill()
            process.communicate()


def _is_ready(metrics: httpx.Client) -> bool:
    try:
        return metrics.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def dispatches(broker: str) -> Callable[[str, list[dict[str, Any]], bool], None]:
    """Writes dispatches to a topic in one transaction, and commits or aborts it."""

    def write(topic: str, records: list[dict[str, Any]], committed: bool) -> None:
        producer = Producer({"bootstrap.servers": broker, "transactional.id": f"{topic}-test"})
        producer.init_transactions()
        producer.begin_transaction()
        for record in records:
            producer.produce(topic, encode(record), key=b"default")
        (producer.commit_transaction if committed else producer.abort_transaction)()

    return write


def dispatch(vehicle: str, number: str, outcome: str = "dispatched") -> dict[str, Any]:
    return {"outcome": outcome, "vehicle_id": vehicle, "dispatch_id": number, "latitude": 51.5, "longitude": -0.13}


def test_vehicles_answer_committed_dispatches_old_and_new(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], dispatches: Callable[..., None]
) -> None:
    topics = make_pipeline_topics()
    first, second, third, fourth = (f"vehicle-{number:06}" for number in range(4))
    past = [dispatch(first, "d1"), dispatch(second, "d2"), dispatch(second, "d2", "released")]
    dispatches(topics["dispatches"], past, True)
    with running(settings(broker, topics["pipeline"])) as simulator:
        until(lambda: simulator.vehicle(first).get("dispatch_id") == "d1")
        assert simulator.vehicle(first)["status"] in ("dispatched", "on_scene")
        assert simulator.vehicle(second)["dispatch_id"] is None
        dispatches(topics["dispatches"], [dispatch(third, "d3")], False)
        dispatches(topics["dispatches"], [dispatch(fourth, "d4")], True)
        until(lambda: simulator.vehicle(fourth).get("dispatch_id") == "d4")
        assert simulator.vehicle(third)["status"] == "idle"
        dispatches(topics["dispatches"], [dispatch(fourth, "d4", "released")], True)
        until(lambda: simulator.vehicle(fourth)["status"] == "idle")
        assert simulator.vehicle(first)["dispatch_id"] == "d1"


def test_orders_arrive_once_the_topic_is_there(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], dispatches: Callable[..., None]
) -> None:
    name = f"late-{os.getpid()}"
    with running(settings(broker, name)) as simulator:
        until(lambda: simulator.vehicle("vehicle-000001").get("status") == "idle")
        topics = make_pipeline_topics(name)
        dispatches(topics["dispatches"], [dispatch("vehicle-000001", "d1")], True)
        until(lambda: simulator.vehicle("vehicle-000001").get("dispatch_id") == "d1")


def test_serves_without_kafka_counts_and_ends_cleanly_while_streaming() -> None:
    with running(settings("127.0.0.1:1", "p")) as simulator:
        until(lambda: simulator.vehicle("vehicle-000001").get("status") == "idle")
        assert 'health_simulator_events_total{pipeline="p",source="vehicles"}' in simulator.metrics.get("/metrics").text
        with simulator.api.stream("GET", "/v1/vehicles/stream") as response:
            lines = response.iter_lines()
            assert next(lines)
            simulator.process.terminate()
            list(lines)  # the stream ends by itself
        assert simulator.process.wait(5) == 0


def test_mistakes_in_the_configuration_are_one_line_and_exit_2() -> None:
    stranger = SimulatedSource(name="tides", entities=1, events_per_second=1, seed=1)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        cases = {
            "no source 'tides': there are vitals": {"sources": (stranger,)},
            "no source is configured": {"sources": ()},
            f"cannot listen on 127.0.0.1:{port}": {"port": port},
            f"cannot serve metrics on 127.0.0.1:{port}": {"metrics_port": port},
        }
        for message, wrong in cases.items():
            process = launch(settings("127.0.0.1:1", "p", **wrong))
            _, said = process.communicate(timeout=20)
            assert process.returncode == 2
            (line,) = [line for line in said.splitlines() if " INFO " not in line]
            assert line.startswith(f"simulator: {message}")

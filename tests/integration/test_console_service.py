"""The console as a process: a real broker, frames over real HTTP, and what it says to whom."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer
from health_events import encode
from health_pipeline.settings import ConsoleSettings
from healthctl.embedded.ports import free_port
from healthctl.embedded.process import Command, Process
from healthctl.embedded.waiting import wait_until

TOKEN, PATIENTS_TOKEN, PROXY_TOKEN = "t" * 20, "p" * 20, "x" * 20
CLINICIAN = {"x-forwarded-groups": "clinicians"}
PLACE = {"latitude": 51.5, "longitude": -0.1}
READING = {"area": "default", "metric": "spo2", "value": 88.0, "rule": "spo2 <= 91", "severity": "critical"}
DANGEROUS = "<img src=x onerror=alert(1)>"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def vehicle(name: str = "vehicle-1", status: str = "dispatched") -> bytes:
    return encode({
        "event_id": f"v-{now_ms()}", "source": "vehicles", "entity_id": name, "observed_at": now_ms(), **PLACE,
        "speed_kmh": 30, "heading_deg": 90, "kind": "ambulance", "status": status, "dispatch_id": "d-1",
    })  # fmt: skip


def alert(patient: str) -> bytes:
    return encode({"event_id": f"a-{patient}", "source": "alerts", "entity_id": patient, "observed_at": now_ms(),
                   **PLACE, **READING, "vital_event_id": "x", "device_id": "w"})  # fmt: skip


def dispatched(patient: str, vehicle_id: str = "vehicle-1") -> bytes:
    chosen = {"vehicle_id": vehicle_id, "distance_km": 0.5, "position_age_s": 0.1, "verdict": "chosen"}
    return encode({
        "event_id": f"e-{patient}", "source": "dispatch", "entity_id": patient, "observed_at": now_ms(), **PLACE,
        **READING, "outcome": "dispatched", "reason": f"{vehicle_id} is the nearest", "alert_id": f"a-{patient}",
        "decided_at": now_ms(), "dispatch_id": f"d-{patient}", "vehicle_id": vehicle_id, "distance_km": 0.5,
        "radius_km": 5, "candidates": [chosen],
    })  # fmt: skip


@contextmanager
def console(settings: ConsoleSettings, log: Path) -> Iterator[httpx.Client]:
    """Its client for the block's length; the process must end cleanly."""
    secrets = {"HEALTH_TOKEN": settings.token, "HEALTH_PATIENTS_TOKEN": settings.patients_token,
               "HEALTH_PROXY_TOKEN": settings.proxy_token}  # fmt: skip
    env = os.environ | settings.to_env() | {name: value for name, value in secrets.items() if value}
    process = Process(Command("console", (sys.executable, "-m", "health_console"), log, env))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=20) as client:
            assert wait_until(lambda: process.ended() is not None or _answers(client), 60), log.read_text()
            yield client
        assert process.ended() is None, log.read_text()
    finally:
        code = process.stop(grace_s=15)
    assert code == 0, log.read_text()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/sign-in").status_code == 200
    except httpx.TransportError:
        return False


def told(
    client: httpx.Client,
    path: str,
    until: Callable[[dict[str, Any]], bool],
    token: str = "",
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """The first event of a stream that is as wanted."""
    headers = {**more, "authorization": f"Bearer {token}"} if token else {**more}
    deadline = time.monotonic() + 40
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                event: dict[str, Any] = json.loads(line.removeprefix("data: "))
                if until(event):
                    return event
            assert time.monotonic() < deadline, "no event was as wanted"
    raise AssertionError("the stream has ended")


def write(broker: str, transactional: bool | None, *records: tuple[str, bytes, dict[str, str]]) -> None:
    """Plainly (None), or in a transaction that is committed (True) or not."""
    own = {} if transactional is None else {"transactional.id": f"console-test-{now_ms()}"}
    producer = Producer({"bootstrap.servers": broker} | own)
    if transactional is not None:
        producer.init_transactions()
        producer.begin_transaction()
    for topic, payload, headers in records:
        producer.produce(topic, payload, headers=list(headers.items()))
    if transactional is None:
        assert producer.flush(20) == 0
    elif transactional:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


@pytest.fixture
def settings(broker: str, pipeline_names: Iterator[str]) -> ConsoleSettings:
    return ConsoleSettings(pipeline=next(pipeline_names), bootstrap_servers=broker, metrics_port=free_port(),
                           port=free_port(), token=TOKEN, patients_token=PATIENTS_TOKEN, proxy_token=PROXY_TOKEN,
                           groups_header="X-Forwarded-Groups", patients_group="clinicians")  # fmt: skip


def test_what_happens_is_told_and_only_who_may_knows_to_whom(
    settings: ConsoleSettings, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    topics = make_pipeline_topics(settings.pipeline)
    broker = settings.bootstrap_servers
    letter = (topics["dead_letters"], b'{"entity_id":"patient-0815"', {"source": "vitals", "reason": "not JSON: x"})
    write(broker, None, (topics["vehicles"], vehicle(), {}), (topics["alerts"], alert("patient-0815"), {}), letter,
          (topics["vehicles"], vehicle(DANGEROUS), {}), (topics["vehicles"], b"[" * 5000, {}))  # fmt: skip
    write(broker, False, (topics["dispatches"], dispatched("patient-0001"), {}))
    write(broker, True, (topics["dispatches"], dispatched("patient-0815"), {}))
    with console(settings, tmp_path / "console.log") as client:
        _check_frames(client, broker, topics)
        _check_health(client)
        _check_doors(client)
        _check_proxy(client)


def _check_frames(client: httpx.Client, broker: str, topics: dict[str, str]) -> None:
    seen: dict[str, Any] = {"calls": {}, "vehicles": {}}

    def take(event: dict[str, Any]) -> None:
        seen["calls"] |= {call["patient"]: call for call in event["calls"]}
        seen["vehicles"] |= {each["id"]: each for each in event["vehicles"]}

    def is_complete(event: dict[str, Any]) -> bool:
        take(event)
        return len(seen["vehicles"]) == 2 and any(call["story"] for call in seen["calls"].values())

    told(client, "/api/city", is_complete, TOKEN)
    ((patient, call),) = seen["calls"].items()
    assert "0815" not in patient
    assert (call["phase"], call["alerts"], call["story"]["vehicle"]) == ("coming", 1, "vehicle-1")
    assert set(seen["vehicles"]) == {"vehicle-1", DANGEROUS}  # as it is: pages put it in as text
    fresh = told(client, "/api/city", lambda _: True, PATIENTS_TOKEN)
    assert fresh["whole"]
    assert [call["patient"] for call in fresh["calls"]] == ["patient-0815"]

    def is_news(event: dict[str, Any]) -> bool:
        if event["whole"]:
            write(broker, None, (topics["vehicles"], vehicle("vehicle-9", "idle"), {}))
        return not event["whole"] and bool(event["vehicles"])

    assert [each["id"] for each in told(client, "/api/city", is_news, TOKEN)["vehicles"]] == ["vehicle-9"]


def _check_health(client: httpx.Client) -> None:
    def has_letters(event: dict[str, Any]) -> bool:
        return bool(event["dead_letters"]["samples"]) and event["latencies"][1]["count"] > 0

    health = told(client, "/api/pipeline", has_letters, TOKEN)
    assert [sample["payload"] for sample in health["dead_letters"]["samples"]] == ['{"entity_id":"xxxxxxx-0000"']
    assert next(stage["state"] for stage in health["stages"] if stage["name"] == "kafka") == "up"
    assert health["latencies"][0]["count"] == 1
    open_letters = told(client, "/api/pipeline", has_letters, PATIENTS_TOKEN)["dead_letters"]["samples"]
    assert open_letters[0]["payload"] == '{"entity_id":"patient-0815"'


def _check_doors(client: httpx.Client) -> None:
    assert client.get("/").headers["location"] == "sign-in"
    for path in ("/api/city", "/api/pipeline", "/api/about"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.post("/session", data={"token": "wrong"}).headers["location"] == "sign-in?refused"
    assert client.post("/session", content=b"token=" + b"x" * 10_000).status_code == 413
    assert client.post("/api/about").status_code == client.delete("/").status_code == 405
    opened = client.post("/session", data={"token": TOKEN})
    cookie = opened.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    page = client.get("/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert client.get("/static/../city.html").status_code == client.get("/static/%2e%2e/api.py").status_code == 404


def _check_proxy(client: httpx.Client) -> None:
    """Groups are of weight in what the proxy sends, and in nothing that comes past it."""

    def sees_patients(token: str, headers: dict[str, str]) -> bool:
        answer = client.get("/api/about", headers={"authorization": f"Bearer {token}", **headers})
        return bool(answer.json()["sees_patients"])

    assert sees_patients(PROXY_TOKEN, CLINICIAN)
    assert not sees_patients(PROXY_TOKEN, {"x-forwarded-groups": "staff"})
    assert not sees_patients(TOKEN, CLINICIAN)
    past = told(client, "/api/city", lambda event: bool(event["calls"]), TOKEN, CLINICIAN)
    assert all("0815" not in call["patient"] for call in past["calls"])
    client.post("/session", data={"token": TOKEN})
    assert client.get("/api/about", headers=CLINICIAN).json()["sees_patients"] is False
    client.cookies.clear()
    assert client.get("/api/about", headers=CLINICIAN).status_code == 401
    assert client.post("/session", data={"token": PROXY_TOKEN}).headers["location"] == "sign-in?refused"


def test_without_a_token_it_is_open_to_this_machine_by_its_own_names_only(
    settings: ConsoleSettings, tmp_path: Path
) -> None:
    bare = ConsoleSettings(pipeline=settings.pipeline, bootstrap_servers=settings.bootstrap_servers,
                           metrics_port=settings.metrics_port, port=settings.port)  # fmt: skip
    with console(bare, tmp_path / "console.log") as client:
        assert client.get("/api/about").json()["sees_patients"] is False
        assert client.get("/api/about", headers={"host": "evil.example"}).status_code == 400

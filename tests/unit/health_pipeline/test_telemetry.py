"""The little server of every component."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from health_pipeline.settings import Settings, SettingsError
from health_pipeline.telemetry import Telemetry
from prometheus_client import Counter

COUNTED = Counter("health_test_telemetry", "Only here", ["pipeline"])


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    server = Telemetry(Settings(pipeline="p"))
    yield server
    server.close()


def get(telemetry: Telemetry, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{telemetry.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_alive_at_once_and_ready_when_told(telemetry: Telemetry) -> None:
    assert (get(telemetry, "/livez")[0], get(telemetry, "/readyz")[0]) == (200, 503)
    telemetry.ready.set()
    assert get(telemetry, "/readyz") == (200, "ok\n")
    telemetry.ready.clear()
    assert get(telemetry, "/readyz") == (503, "not ready\n")


def test_metrics_and_nothing_else(telemetry: Telemetry) -> None:
    COUNTED.labels("p").inc(3)
    assert 'health_test_telemetry_total{pipeline="p"} 3.0' in get(telemetry, "/metrics")[1]
    assert get(telemetry, "/")[0] == 404


def test_a_client_that_says_nothing_keeps_nobody_waiting(telemetry: Telemetry) -> None:
    with socket.create_connection(("127.0.0.1", telemetry.port), timeout=30) as silent:
        assert get(telemetry, "/livez") == (200, "ok\n")
        assert "health_test_telemetry_total" in get(telemetry, "/metrics")[1]
        assert silent.recv(1) == b"", "it is hung up on in the end"


def test_a_port_that_is_taken_is_named(telemetry: Telemetry) -> None:
    with pytest.raises(SettingsError, match=f"cannot serve metrics on 127.0.0.1:{telemetry.port}: Address already"):
        Telemetry(Settings(pipeline="p", metrics_port=telemetry.port))

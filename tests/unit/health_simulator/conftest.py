"""A simulator that runs in this process, on loopback, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from health_pipeline.settings import SimulatedSource, SimulatorSettings
from health_pipeline.web import listen
from health_simulator.server import serve

Simulate = Callable[..., httpx.Client]


@contextmanager
def running(token: str, sources: tuple[SimulatedSource, ...]) -> Iterator[httpx.Client]:
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    settings = SimulatorSettings(pipeline="p", bootstrap_servers="127.0.0.1:1", port=port, token=token, sources=sources)
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(settings, listening, ready, stop)))
    thread.start()
    try:
        assert ready.wait(20)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """``simulate(name="gps", ...)``: a client of a simulator of that one source; ``simulate.token`` likewise."""
    with ExitStack() as stack:

        def start(token: str = "", **source: Any) -> httpx.Client:
            given = {"name": "vitals", "entities": 50, "events_per_second": 2000.0, "seed": 7} | source
            return stack.enter_context(running(token, (SimulatedSource(**given),)))

        yield start


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Poll until it holds; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def complete() -> Callable[[httpx.Client, str], dict[str, Any]]:
    """Waits until a source has said all it will; returns its counts."""

    def wait(client: httpx.Client, source: str = "vitals") -> dict[str, Any]:
        wait_until(lambda: client.get(f"/v1/{source}/stats").json()["complete"])
        counts: dict[str, Any] = client.get(f"/v1/{source}/stats").json()
        return counts

    return wait

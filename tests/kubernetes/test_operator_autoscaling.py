"""A step of load on the API server: dispatch falls behind, gets a replica more, keeps it, and follows its bounds."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, Controllers
from tests.kubernetes.sample_pipelines import PIPELINES, events, pipeline

pytestmark = pytest.mark.usefixtures("other_operators")

AREAS = [{"name": f"area-{number}", "polygon": [[number, 0], [number + 1, 0], [number, 1]]} for number in range(3)]
SCALED = {"dispatch": {"maximum": 20}, "targetLag": "5s", "catchUp": "60s"}
STATE = "v1/configmaps"
LONG_AGO_S = 3600.0


class Watcher:
    """A lag exporter whose dispatch does half of what comes, from when it ``falls_behind``."""

    def __init__(self) -> None:
        self._since = 0.0

    def falls_behind(self) -> None:
        self._since = time.monotonic()

    def answer(self) -> bytes:
        lag = 40 + (time.monotonic() - self._since) / 2 if self._since else 0.0
        return json.dumps({"eventsPerSecond": 10.0, "lags": {"dispatch": lag, "landing": 900.0}}).encode()


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def slo_url(watcher: Watcher) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = watcher.answer()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
            """Not a word."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{{namespace}}/{{pipeline}}"
        server.shutdown()


def replicas(space: Space) -> int:
    found = space.find(DEPLOYMENTS, "london-dispatch")
    return int(found["spec"]["replicas"]) if found else 0


def told(space: Space) -> dict[str, Any]:
    """What the status says of dispatch."""
    status = space.get(PIPELINES, "london").get("status") or {}
    scales: list[dict[str, Any]] = status.get("autoscaling") or []
    return next((each for each in scales if each["name"] == "dispatch"), {})


def has_settled(space: Space) -> None:
    """As if the last change was long ago: the record says when it was."""
    scales = json.loads(space.get(STATE, "london-state")["data"]["scales"])
    scales["dispatch"]["since"] -= LONG_AGO_S
    space.patch(STATE, "london-state", {"data": {"scales": json.dumps(scales, sort_keys=True, separators=(",", ":"))}})


def test_dispatch_follows_its_load_within_its_bounds(
    space: Space, start_operator: Callable[..., Operator], watcher: Watcher, slo_url: str
) -> None:
    space.create(PIPELINES, pipeline("london", dispatch={"areas": AREAS}, autoscaling=SCALED))
    operator = start_operator(slo_url=slo_url, resync_seconds="2")

    def is_scaled_to(count: int) -> bool:
        Controllers(space).run()
        return replicas(space) == count and told(space).get("replicas") == count

    until(lambda: is_scaled_to(1), "one replica, as long as all is well", operator)
    assert (told(space)["minimum"], told(space)["maximum"]) == (1, 12), "no more than there are partitions"
    has_settled(space)
    watcher.falls_behind()
    until(lambda: is_scaled_to(2), "a replica more", operator)
    # Half of what comes, as far as a busy machine lets one see it.
    assert re.search(r"s behind at 0\.[2-8]", told(space)["reason"])
    assert events(space).count("Scaled") == 1
    assert operator.metric("health_operator_replicas") == 2

    operator.kill()
    operator.start()
    until(operator.is_at_work, "the lease", operator)
    until(lambda: is_scaled_to(2), "the same number, by another process", operator)

    space.patch(PIPELINES, "london", {"spec": {"autoscaling": {"dispatch": {"maximum": 1}}}})
    until(lambda: is_scaled_to(1), "the new bound", operator)
    space.patch(PIPELINES, "london", {"spec": {"autoscaling": None}})
    until(lambda: not told(space), "nothing is said of what is not scaled", operator)

"""The program that `helm test` runs, against a real HTTP server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from health_operator.metrics import LEADER
from prometheus_client import generate_latest

from charts.sync import CHARTS

PROGRAM = CHARTS / "health-operator" / "files" / "works.py"


class _Replicas(BaseHTTPRequestHandler):
    """First one that is not ready, then one that stands by, then the one at work."""

    answers: list[tuple[int, str]]

    def do_GET(self) -> None:
        status, text = self.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def metrics_url() -> Iterator[str]:
    LEADER.set(0)
    stands_by = generate_latest().decode()
    LEADER.set(1)
    _Replicas.answers = [(503, "not yet\n"), (200, stands_by), (200, generate_latest().decode())]
    with HTTPServer(("127.0.0.1", 0), _Replicas) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
    LEADER.set(0)


def test_it_looks_for_the_replica_that_is_at_work(metrics_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM.read_text(), metrics_url], capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    refused, stands_by, works = done.stdout.splitlines()
    assert refused.endswith("HTTP Error 503: Service Unavailable")
    assert (stands_by, works) == ("this replica stands by", "a replica is at work")
    assert not _Replicas.answers

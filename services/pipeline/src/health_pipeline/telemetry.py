"""The little HTTP server that every component has: /metrics for Prometheus, /livez and /readyz for probes."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from health_pipeline.settings import Settings, SettingsError

# Of every histogram of latencies, in seconds: only what is counted alike can be laid side by side.
LATENCY_BUCKETS = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.4, 0.6, 1, 2, 5, 10, 30, 60)

WSGIStart = Callable[[str, list[tuple[str, str]]], Any]


class Telemetry:
    """Serves in a thread of its own from construction on; ``ready`` is what /readyz answers by.

    SettingsError when it cannot listen where the settings say.
    """

    def __init__(self, settings: Settings) -> None:
        self.ready = threading.Event()
        self._metrics = make_wsgi_app()
        host, port = settings.metrics_host, settings.metrics_port
        try:
            self._server = make_server(host, port, self._answer, _Server, handler_class=_Handler)
        except OSError as error:
            raise SettingsError(f"cannot serve metrics on {host}:{port}: {error.strerror}") from error
        threading.Thread(target=self._server.serve_forever, name="telemetry", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on (chosen by the system when the settings say 0)."""
        return self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: WSGIStart) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            body: Iterable[bytes] = self._metrics(environ, start)
            return body
        if path not in ("/livez", "/readyz"):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"there are /metrics, /livez and /readyz\n"]
        is_good = path == "/livez" or self.ready.is_set()
        start("200 OK" if is_good else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ok\n" if is_good else b"not ready\n"]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each client: one that is slow, or says nothing at all, must not keep the kubelet waiting."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 5.0  # a client that says nothing does not hold a thread for ever

    def handle(self) -> None:
        with suppress(OSError):  # it has said nothing in time, or is gone
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """A probe every few seconds is not worth a log line."""


def set_up_logging(component: str) -> None:
    """One line a record on standard error: time, level, component, message."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s {component} %(message)s",
        force=True,
    )


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set: a component's loop watches it and ends cleanly."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop

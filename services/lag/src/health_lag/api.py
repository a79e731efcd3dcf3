"""``GET /slo``: the document, for the operator or anyone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SloServer:
    """Serves what ``document()`` gives, from threads of its own, until closed; OSError when it cannot listen."""

    def __init__(self, host: str, port: int, document: Callable[[], dict[str, Any]]) -> None:
        class Handler(_Handler):
            get = staticmethod(document)

        self._server = ThreadingHTTPServer((host, port), Handler)
        threading.Thread(target=self._server.serve_forever, name="slo", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on (chosen by the system when it was given 0)."""
        return self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0  # a client that says nothing does not hold a thread for ever
    get: Callable[[], dict[str, Any]]

    def do_GET(self) -> None:
        found = self.path == "/slo"
        body = json.dumps(self.get() if found else {"error": "there is /slo"}, allow_nan=False).encode() + b"\n"
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """A question every few seconds is not worth a log line."""

"""A real HTTP server that answers as a test tells it to, for real clients."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Request(BaseHTTPRequestHandler):
    """One request, with the few things that answers are made of."""

    protocol_version = "HTTP/1.1"

    @property
    def after(self) -> str | None:
        """The cursor that the client asks to go on from."""
        return parse_qs(urlsplit(self.path).query).get("after", [None])[0]

    @property
    def is_stream(self) -> bool:
        """Whether the live feed is asked for."""
        return urlsplit(self.path).path.endswith("/stream")

    def reply(self, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def page(self, items: list[Any], following: str | None) -> None:
        """A page of items."""
        self.reply(200, json.dumps({"items": items, "next": following}).encode())

    def start_stream(self, content_type: str = "application/x-ndjson") -> None:
        """Head of a live answer; ``send`` follows."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, data: bytes) -> None:
        """A chunk of a live answer."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end_stream(self) -> None:
        """The orderly end of a live answer."""
        self.wfile.write(b"0\r\n\r\n")

    def break_off(self) -> None:
        """The disorderly one."""
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def serving(answer: Callable[[Request], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serves on loopback for the block's length; gives the URL. ``answer`` runs in a thread per connection."""

    class Handler(Request):
        def do_GET(self) -> None:
            try:
                answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/v1/vitals"
    finally:
        server.shutdown()
        server.socket.close()


def line(cursor: int, record: Any) -> bytes:
    """An item of the feed."""
    return json.dumps({"cursor": str(cursor), "record": record}).encode() + b"\n"

"""uvicorn as a part of a component, which hears signals itself. Only those that serve pages depend on uvicorn."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from health_pipeline.settings import SettingsError

GRACE_S = 2


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; SettingsError when it cannot be had."""
    try:
        listening = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    # Accepted sockets inherit it. asyncio sets it only on sockets made with an explicit protocol, and without it what
    # is sent waits up to 40 ms for the acknowledgement of what was sent before.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class WebServer(uvicorn.Server):
    """Serves an ASGI application; ``ready`` is set once clients are answered. It ends by ``should_exit``."""

    def __init__(self, app: Any, ready: threading.Event) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_config=None, log_level="warning", access_log=False, lifespan="off", ws="none",
                server_header=False, timeout_graceful_shutdown=GRACE_S,
            )
        )  # fmt: skip
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it."""
        await super().startup(sockets)
        self._ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the component."""
        yield

"""The console as one process: Kafka's reader, the feed and the HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from health_pipeline.settings import ConsoleSettings, SettingsError

from health_console.api import Api
from health_console.feed import HEALTH_S, Feed
from health_console.health import KafkaState
from health_console.kafka import Reader

_GRACE_S = 2


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; SettingsError when it cannot be had."""
    try:
        listening = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    # A frame must not wait for the acknowledgement of the one before; asyncio sets it only on sockets of its own.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def serve(
    settings: ConsoleSettings, listening: socket.socket, ready: threading.Event, stop: threading.Event
) -> None:
    """Serve on that socket until ``stop``; ``ready`` is set once clients are answered.

    SettingsError when the settings cannot work; what ended reading Kafka before its time is raised.
    """
    feed = Feed(settings)
    api = Api(settings, feed)
    reader = Reader(settings, feed.back_ms, feed.give, stop)
    server = _Server(ready, uvicorn.Config(
        api.app, log_config=None, log_level="warning", access_log=False, lifespan="off", ws="none",
        server_header=False, timeout_graceful_shutdown=_GRACE_S,
    ))  # fmt: skip
    reader.start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listening]))
        tasks.create_task(_look_after(reader, feed, stop))
        await feed.run(stop)
        api.closing = True
        feed.frames.beat()
        feed.healths.beat()
        server.should_exit = True
    await asyncio.to_thread(reader.join, _GRACE_S)
    if reader.error:
        raise reader.error


async def _look_after(reader: Reader, feed: Feed, stop: threading.Event) -> None:
    """Tell the feed how Kafka is, and end everything when its reader has ended."""
    while not stop.is_set():
        feed.kafka = KafkaState(reader.topics, reader.trouble)
        if reader.error:
            stop.set()
        await asyncio.sleep(HEALTH_S / 4)


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals to the component."""

    def __init__(self, ready: threading.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

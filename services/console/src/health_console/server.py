"""The console as one process: Kafka's reader, the feed and the HTTP server."""

from __future__ import annotations

import asyncio
import socket
import threading

from health_pipeline.settings import ConsoleSettings
from health_pipeline.web import GRACE_S, WebServer

from health_console.api import Api
from health_console.feed import HEALTH_S, Feed
from health_console.health import KafkaState
from health_console.kafka import Reader


async def serve(
    settings: ConsoleSettings, listening: socket.socket, ready: threading.Event, stop: threading.Event
) -> None:
    """Serve on that socket until ``stop``; ``ready`` is set once clients are answered.

    SettingsError when the settings cannot work; what ended reading Kafka before its time is raised.
    """
    feed = Feed(settings)
    api = Api(settings, feed)
    reader = Reader(settings, feed.back_ms, feed.give, stop)
    server = WebServer(api.app, ready)
    reader.start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listening]))
        tasks.create_task(_look_after(reader, feed, stop))
        await feed.run(stop)
        api.closing = True
        feed.frames.beat()
        feed.healths.beat()
        server.should_exit = True
    await asyncio.to_thread(reader.join, GRACE_S)
    if reader.error:
        raise reader.error


async def _look_after(reader: Reader, feed: Feed, stop: threading.Event) -> None:
    """Tell the feed how Kafka is, and end everything when its reader has ended."""
    while not stop.is_set():
        feed.kafka = KafkaState(reader.topics, reader.trouble)
        if reader.error:
            stop.set()
        await asyncio.sleep(HEALTH_S / 4)

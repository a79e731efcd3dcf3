"""The simulator as one process: generators, HTTP server and, where there are vehicles, their orders."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import threading
import time

from health_events import SOURCES, VEHICLES
from health_pipeline.settings import SettingsError, SimulatorSettings
from health_pipeline.web import WebServer

from health_simulator import generator
from health_simulator.api import Api
from health_simulator.generator import Generator
from health_simulator.orders import Command, Follower
from health_simulator.population import BLOCK, Population
from health_simulator.vehicles import Order, Vehicles, vehicle_id

log = logging.getLogger(__name__)


def generators(settings: SimulatorSettings) -> list[Generator]:
    """A generator for each source; SettingsError when there is none of that name, or two."""
    known = [event.name for event in SOURCES]
    names = [source.name for source in settings.sources]
    for name in names:
        if name not in known:
            raise SettingsError(f"no source {name!r}: there are {', '.join(known)}")
        if names.count(name) > 1:
            raise SettingsError(f"source {name!r} is configured twice")
    if not names:
        raise SettingsError("no source is configured")
    started_ms = time.time_ns() // 1_000_000
    return [Generator(source, settings.pipeline, started_ms, settings.areas) for source in settings.sources]


async def serve(
    settings: SimulatorSettings,
    listening: socket.socket,
    ready: threading.Event,
    stop: threading.Event,
    lead_s: float = 0,
) -> None:
    """Serve on that socket until ``stop``; ``ready`` is set once clients are answered.

    The first reading is made ``lead_s`` seconds after the start.
    """
    sources = generators(settings)
    server = WebServer(Api(sources, settings.token).app, ready)
    follower = _follower(settings, sources, stop)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listening]))
        await generator.run(sources, stop, lead_s)
        server.should_exit = True
    if follower:
        follower.join()


def command(fleet: Population, orders: list[Command]) -> None:
    """Pass orders on to the vehicles that they are for; other vehicles' are none of our business."""
    numbers = _numbers(len(fleet))
    for order in orders:
        if order.vehicle_id not in numbers:
            continue
        index, place = divmod(numbers[order.vehicle_id], BLOCK)
        vehicles = fleet.block(index)
        assert isinstance(vehicles, Vehicles)  # noqa: S101 (a fleet's blocks are)
        if isinstance(order, Order):
            vehicles.order(place, order, time.time_ns() // 1_000_000)
        else:
            vehicles.release(place, order)


@functools.cache
def _numbers(count: int) -> dict[str, int]:
    return {vehicle_id(number): number for number in range(count)}


def _follower(settings: SimulatorSettings, sources: list[Generator], stop: threading.Event) -> Follower | None:
    fleets = [source.population for source in sources if source.event is VEHICLES]
    if not fleets:
        return None
    loop = asyncio.get_running_loop()

    def give(orders: list[Command]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to drive
            loop.call_soon_threadsafe(command, fleets[0], orders)

    follower = Follower(settings, give, stop)
    follower.start()
    return follower

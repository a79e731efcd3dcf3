"""Readings at the configured rate: as many as are due by now, stamped with the moment at which they are available."""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

from health_events import Event, by_name
from health_pipeline.settings import ServiceArea, SimulatedSource
from prometheus_client import Counter

from health_simulator.faults import Faults
from health_simulator.feed import Feed
from health_simulator.population import Columns, Population, population

# A reading waits half a tick on average before it is made; nobody sees that, its time is that of the tick.
_TICK_S, _LONGEST_SLEEP_S = 0.01, 0.25
_AT_ONCE = 500  # readings that are made before clients get a turn
# A run's first cursor is its start in ms times this, plus 1: beyond those of earlier runs, up to a million items/s.
_CURSORS_PER_MS = 1000

_events = Counter("health_simulator_events", "Items that a simulated source has made", ("pipeline", "source"))


class Generator:
    """One source: its entities, its faults, its feed.

    But for ``observed_at``, cursors and the start of ``event_id`` its readings depend only on its configuration and on
    orders to its vehicles, not on when or in which portions they were made.
    """

    def __init__(
        self, source: SimulatedSource, pipeline: str, started_ms: int, areas: Sequence[ServiceArea] = ()
    ) -> None:
        self.event: Event = by_name(source.name)
        self.source = source
        self.feed = Feed(started_ms * _CURSORS_PER_MS + 1)
        self.population: Population = population(
            source.name, source.entities, source.events_per_second, source.seed, areas
        )  # fmt: skip
        self._faults = Faults(source, self.event)
        # The start is part of it, or ids would come back after a restart.
        origin = f"{pipeline}|{source.name}|{source.seed}|{started_ms}"
        self._id_prefix = hashlib.sha256(origin.encode()).hexdigest()[:16]
        self._total = math.inf if not source.duration_s else max(1, round(source.duration_s * source.events_per_second))
        self._made = 0
        self._count = _events.labels(pipeline, source.name)

    def due(self, elapsed_s: float) -> int:
        """How many readings should have been made by then and have not been."""
        return int(min(self._total, math.floor(elapsed_s * self.source.events_per_second) + 1)) - self._made

    def next_due_s(self) -> float:
        """When the next reading is due, from the start."""
        return math.inf if self.feed.complete else self._made / self.source.events_per_second

    def produce(self, count: int, now_ms: int) -> None:
        """Make the next readings and publish them."""
        items = self._faults.apply(self._records(count, now_ms), self._made)
        self._made += count
        done = self._made >= self._total
        if done:
            items += self._faults.due()
        self.feed.publish(items)
        self._count.inc(len(items))
        self.feed.complete = done

    def _records(self, count: int, now_ms: int) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        for columns in self.population.readings(self._made, count):
            records += self._identified(columns, self._made + len(records), now_ms)
        return records

    def _identified(self, columns: Columns, first: int, now_ms: int) -> list[dict[str, Any]]:
        count = len(columns["entity_id"])
        identity: Columns = {
            "event_id": [f"{self._id_prefix}-{number:x}" for number in range(first, first + count)],
            "source": [self.source.name] * count,
            "entity_id": columns["entity_id"],
            "observed_at": [now_ms] * count,
        }
        every = identity | columns
        return [dict(zip(every, row, strict=True)) for row in zip(*every.values(), strict=True)]


async def run(generators: Sequence[Generator], stop: threading.Event, lead_s: float = 0) -> None:
    """Make what is due, tick by tick, beginning in ``lead_s`` seconds, until ``stop``; then close the feeds."""
    started = time.monotonic() + lead_s
    while not stop.is_set():
        elapsed = time.monotonic() - started
        for generator in generators:
            await _catch_up(generator, elapsed)
        next_due = started + min(generator.next_due_s() for generator in generators)
        await asyncio.sleep(min(max(next_due - time.monotonic(), _TICK_S), _LONGEST_SLEEP_S))
    for generator in generators:
        generator.feed.close()


async def _catch_up(generator: Generator, elapsed_s: float) -> None:
    while (due := generator.due(elapsed_s)) > 0:
        generator.produce(min(due, _AT_ONCE), time.time_ns() // 1_000_000)
        await asyncio.sleep(0)

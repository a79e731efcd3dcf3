"""One clock for all clients: records are taken in and told of five times a second, health every two seconds.

Everything here lives in the event loop but ``give``. What a client is told is made once for all who ask the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import time
from collections import deque
from typing import Any

from health_events import ALERTS, DEAD_LETTERS, DISPATCHES, VEHICLES, Header, topic_name
from health_lag.latencies import Firsts
from health_pipeline.settings import ConsoleSettings

from health_console import health, metrics
from health_console.city import City
from health_console.flow import Flow
from health_console.frames import frame
from health_console.history import COUNTED, History, Sample
from health_console.kafka import Record
from health_console.latencies import Latencies
from health_console.letters import Letter, Letters
from health_console.privacy import Names, Role
from health_console.records import Alert, Decision, Vehicle, read
from health_console.watch import Line, ask_components, ask_slo, ask_streets

log = logging.getLogger(__name__)

FRAME_S, HEALTH_S = 0.2, 2.0
_PENDING = 200_000  # records; while the loop is that far behind, the oldest are of no use to anybody
_AT_ONCE = 20_000  # so that a backlog does not hold clients up
_MINUTE_MS = 60_000
_STREETS_RETRY_S = 5.0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Pulse:
    """Wakes all who wait for the next beat."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def beat(self) -> None:
        """Now."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Until the next beat."""
        await self._next.wait()


class Feed:
    """What the pages are told. ``frames`` and ``healths`` beat when there is something new."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._kinds: dict[str, type[Vehicle | Alert | Decision]] = {
            topic_name(settings.pipeline, event): kind
            for event, kind in ((VEHICLES, Vehicle), (ALERTS, Alert), (DISPATCHES, Decision))
        }
        self._dead_letters = topic_name(settings.pipeline, DEAD_LETTERS)
        self._limits = health.Limits(settings.most_alert_latency_ms, settings.most_lag_s, settings.most_freshness_s)
        self._metrics = metrics.Metrics(settings.pipeline)
        self._pending: deque[Record] = deque(maxlen=_PENDING)
        self._city, self._history, self._letters = City(), History(), Letters()
        self._alerts, self._dispatches, self._firsts = Latencies(), Latencies(), Firsts()
        self._flows = {name: Flow() for name in COUNTED}
        self._names = Names(secrets.token_bytes(32))
        self._frames: dict[tuple[Role, int | None], bytes] = {}
        self._slo: dict[str, Any] = {}
        self.frames, self.healths = Pulse(), Pulse()
        self.kafka = health.KafkaState()
        self.version = -1
        self.streets: list[Line] = []

    @property
    def back_ms(self) -> dict[str, int]:
        """The topics that it wants, and how far back: as far as what is there now may depend on."""
        back = {
            VEHICLES: _MINUTE_MS,
            ALERTS: 5 * _MINUTE_MS,
            DISPATCHES: 30 * _MINUTE_MS,
            DEAD_LETTERS: 60 * _MINUTE_MS,
        }
        return {topic_name(self._settings.pipeline, event): how_far for event, how_far in back.items()}

    def give(self, records: list[Record]) -> None:
        """Records of Kafka, from another thread."""
        self._pending.extend(records)

    def frame(self, role: Role, since: int | None) -> bytes:
        """What is new on the page of the city since a version, as JSON; everything for None."""
        key = (role, since)
        if key not in self._frames:
            told = frame(self._city, self._city.since(since), self._names, role, _now_ms())
            self._frames[key] = _json(told)
        return self._frames[key]

    def health(self, role: Role) -> bytes:
        """The page of the pipeline's health, as JSON."""
        now = _now_ms()
        return _json({
            "now": now,
            "headline": health.headline(self._slo, self._limits),
            "stages": health.stages(
                self._history, self._slo, self.kafka, self._flows["dispatch"].counts(now), self._limits
            ),
            "latencies": [
                {"path": "Reading to alert", "most": self._limits.alert_latency_ms} | self._alerts.summary(now),
                {"path": "Reading to dispatch", "most": None} | self._dispatches.summary(now),
            ],
            "dead_letters": self._letters.document(role, self._slo.get("deadLettersTotal")),
        })  # fmt: skip

    async def run(self, stop: threading.Event) -> None:
        """Until stopped."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(stop))
            tasks.create_task(self._find_streets(stop))
            while not stop.is_set():
                self._tick()
                await asyncio.sleep(FRAME_S)
        self.frames.beat()
        self.healths.beat()

    def _tick(self) -> None:
        for _ in range(min(len(self._pending), _AT_ONCE)):
            self._take(self._pending.popleft())
        self.version = self._city.tick(_now_ms())
        self._frames.clear()
        self.frames.beat()

    def _take(self, record: Record) -> None:
        if record.topic == self._dead_letters:
            source, reason = record.headers.get(Header.SOURCE, ""), record.headers.get(Header.REASON, "")
            self._letters.add(Letter(source, reason, record.written_at, record.payload))
            return
        read_as = read(self._kinds[record.topic], record.payload)
        self._metrics.record(record.topic, is_read=read_as is not None)
        if read_as is None:
            return
        if isinstance(read_as, Alert):
            self._flows["alerts"].add(record.written_at)
            self._alerts.add(read_as.observed_at, record.written_at)
        elif isinstance(read_as, Decision):
            self._flows["dispatch"].add(record.written_at, read_as.outcome)
            self._time(read_as, record.written_at)
        self._city.take(read_as)

    def _time(self, decision: Decision, written_at: int) -> None:
        """A decision that had to wait for a vehicle says nothing about how fast they are made."""
        if self._firsts.is_first(decision.alert_id) and decision.outcome == "dispatched":
            self._dispatches.add(decision.observed_at, written_at)

    async def _watch(self, stop: threading.Event) -> None:
        while not stop.is_set():
            readings, self._slo = await asyncio.gather(
                asyncio.to_thread(ask_components, self._settings.targets),
                asyncio.to_thread(ask_slo, self._settings.slo_url),
            )
            is_read, now = self.kafka.is_read, _now_ms()
            rates = {name: flow.per_second(now) if is_read else None for name, flow in self._flows.items()}
            self._history.add(Sample(time.monotonic(), readings, rates))
            self.healths.beat()
            await asyncio.sleep(HEALTH_S)

    async def _find_streets(self, stop: threading.Event) -> None:
        """The simulator may start later than this does."""
        while self._settings.streets_url and not stop.is_set():
            streets = await asyncio.to_thread(ask_streets, self._settings.streets_url)
            if streets is not None:
                self.streets = streets
                return
            await asyncio.sleep(_STREETS_RETRY_S)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()

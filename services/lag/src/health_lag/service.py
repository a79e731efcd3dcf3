"""The watcher's two loops: one asks the components, the other follows Kafka and sends canaries."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import Any

from health_events import ALERTS, DEAD_LETTERS, DISPATCHES, group_name, topic_name
from health_pipeline.settings import LagSettings
from health_pipeline.telemetry import Telemetry

from health_lag.api import SloServer
from health_lag.behind import Behind
from health_lag.kafka import Group, Reader, Record
from health_lag.latencies import Paths
from health_lag.metrics import Metrics
from health_lag.outcomes import Outcomes, Seen
from health_lag.proving import Prover
from health_lag.readings import interpret
from health_lag.scrape import scrape
from health_lag.slo import DISPATCH, Sample, Slo, Window, judge
from health_lag.trail import Scribe

log = logging.getLogger(__name__)

_ASK_EVERY_S = 2.0
_POLL_S = 0.5
_COUNT_EVERY_S, _COMPARE_EVERY_S = 5.0, 1.0


class Follower(threading.Thread):
    """Follows Kafka in a thread of its own; ``seen`` is always its latest word. ``error`` is what ended it, if any."""

    def __init__(self, settings: LagSettings, metrics: Metrics, stop: threading.Event) -> None:
        super().__init__(name="kafka", daemon=True)
        self.seen = Seen()
        self.error: Exception | None = None
        self._settings, self._metrics, self._stop_event = settings, metrics, stop
        self._alerts, self._dispatches, self._dead_letters = (
            topic_name(settings.pipeline, event) for event in (ALERTS, DISPATCHES, DEAD_LETTERS)
        )
        self._reader = Reader(settings, (self._alerts, self._dispatches))
        self._dispatch = Group(settings, self._alerts, group_name(settings.pipeline, DISPATCH))
        self._outcomes, self._paths, self._behind = Outcomes(), Paths(), Behind()
        self._prover = Prover(settings, self._outcomes.canaries, metrics)
        if settings.canary_interval_s and not self._prover.is_on:
            log.warning("no possible reading breaks one of the rules, so there are no canaries")

    def run(self) -> None:
        """Until stopped."""
        try:
            self._follow()
        except Exception as error:  # kept for the thread that watches this one
            self.error = error
        finally:
            self._reader.close()
            self._dispatch.close()
            self._prover.close()

    def _follow(self) -> None:
        next_count = next_comparison = 0.0
        dead_letters: int | None = None
        while not self._stop_event.is_set():
            self._prover.send()
            for record in self._reader.poll(_POLL_S):
                self._take(record)
            self._prover.hear()  # by now Kafka has most of what was just sent, so that is told at once
            if time.monotonic() >= next_count:
                next_count = time.monotonic() + _COUNT_EVERY_S
                counted = self._reader.end(self._dead_letters)
                dead_letters = dead_letters if counted is None else counted
            is_known = self._reader.is_caught_up
            if is_known and time.monotonic() >= next_comparison:
                next_comparison = time.monotonic() + _COMPARE_EVERY_S
                self._compare()
            if is_known:
                self._prover.tell()
            self.seen = self._told(dead_letters, is_known=is_known)

    def _told(self, dead_letters: int | None, *, is_known: bool) -> Seen:
        canaries = self._outcomes.canaries
        seen = Seen(dead_letters=dead_letters, canary=canaries.newest, awaited_ms=canaries.awaited_ms)
        if not is_known:
            return seen
        now_ms = _now_ms()
        p50_ms, p99_ms = self._paths.alert_ms(now_ms)
        return replace(
            seen,
            alerts=self._outcomes.alerts,
            dispatches=self._outcomes.dispatches,
            dispatch_lag_s=self._behind.seconds(now_ms),
            alert_p50_ms=p50_ms,
            alert_p99_ms=p99_ms,
            dispatch_p99_ms=self._paths.dispatch_ms(now_ms),
        )

    def _compare(self) -> None:
        offsets = self._dispatch.committed()
        if offsets is not None:
            self._behind.committed(offsets)

    def _take(self, record: Record) -> None:
        if record.topic == self._dispatches:
            self._outcomes.dispatch(record.payload)
            self._paths.dispatch(record.payload, record.written_ms, _now_ms())
            return
        self._paths.alert(record.payload, record.written_ms, _now_ms())
        self._behind.record(record.partition, record.offset, record.written_ms)
        came_through = self._outcomes.alert(record.payload, record.written_ms)
        if came_through:
            self._metrics.canary(came_through)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Watcher:
    """A pipeline's watcher; ``serve`` it, and ask its port. OSError when it cannot listen."""

    def __init__(self, settings: LagSettings, stop: threading.Event, telemetry: Telemetry) -> None:
        self._settings, self._stop, self._telemetry = settings, stop, telemetry
        self._targets = {target.component: target.url for target in settings.targets}
        self._passing = {target.component: target.url for target in settings.passing}
        self._metrics = Metrics(settings.pipeline)
        self._window = Window()
        self._slo = Slo(settings.pipeline)
        self._follower = Follower(settings, self._metrics, stop)
        self._scribe = Scribe(settings, stop) if settings.audit_file else None
        self._server = SloServer(settings.host, settings.port, self._document)

    @property
    def port(self) -> int:
        """Where /slo is served."""
        return self._server.port

    def run(self) -> None:
        """Watch until stopped; what ended following Kafka before its time is raised."""
        self._follower.start()
        if self._scribe:
            self._scribe.start()
        log.info("watching %d components; GET /slo on port %d", len(self._targets), self.port)
        while not self._stop.is_set():
            began = time.monotonic()
            self._look()
            self._telemetry.ready.set()
            if error := self._follower.error or (self._scribe and self._scribe.error):
                raise error
            self._stop.wait(max(0.0, began + _ASK_EVERY_S - time.monotonic()))
        self._telemetry.ready.clear()
        self._follower.join(_ASK_EVERY_S)
        self._server.close()

    def _document(self) -> dict[str, Any]:
        return self._slo.as_json()

    def _look(self) -> None:
        answers = scrape(self._targets | self._passing)
        said = {name: None if metrics is None else interpret(metrics) for name, metrics in answers.items()}
        self._tell_changes({name for name in self._targets if said[name] is None})
        passing = {name: readings for name in self._passing if (readings := said[name]) is not None}
        self._window.add(Sample(time.time(), {name: said[name] for name in self._targets}, passing))
        self._slo = judge(self._settings.pipeline, self._window, self._follower.seen, time.time())
        self._metrics.show(self._slo)

    def _tell_changes(self, silent: set[str]) -> None:
        before = {name for name, answers in self._slo.components.items() if not answers}
        for name in sorted(silent - before):
            log.warning("%s does not answer on %s", name, self._targets[name])
        for name in sorted(before - silent):
            log.info("%s answers again", name)

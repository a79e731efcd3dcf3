"""From what the components said within the last minute, and what Kafka holds, to how the pipeline does; pure."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from health_events import SOURCES

from health_lag.outcomes import Seen
from health_lag.readings import Readings, increase

WINDOW_S = 60.0
ALERTS, DISPATCH, LANDING, TRANSFORM = "alerts", "dispatch", "landing", "transform"  # components, by their names

_SOURCE_TABLES = {event.name for event in SOURCES}


@dataclass(frozen=True)
class Sample:
    """What the components said at ``at``, UTC seconds; None of those that did not answer.

    ``passing`` is what those said that run for a moment at a time, as far as they did.
    """

    at: float
    readings: Mapping[str, Readings | None]
    passing: Mapping[str, Readings] = field(default_factory=dict)


@dataclass
class Window:
    """The samples of the last minute, and of each component the last that it said, however long ago."""

    samples: deque[Sample] = field(default_factory=deque)
    latest: dict[str, tuple[float, Readings]] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        """Take in a sample; forget what is too old, and everything when the clock was put back."""
        if self.samples and sample.at <= self.samples[-1].at:
            self.samples.clear()
        self.samples.append(sample)
        while self.samples[0].at < sample.at - WINDOW_S:
            self.samples.popleft()
        for component, readings in sample.readings.items():
            if readings is not None:
                self.latest[component] = (sample.at, readings)
        for component, run in sample.passing.items():
            if run.lag_s is not None:  # a run has one when it has done its work; until then the last one's counts
                self.latest[component] = (sample.at, run)

    @property
    def span_s(self) -> float:
        """How much time the samples cover."""
        return self.samples[-1].at - self.samples[0].at if self.samples else 0.0

    def steps(self) -> Iterator[tuple[Readings, Readings]]:
        """What each component said, and what it said next."""
        for component in self.samples[-1].readings if self.samples else ():
            said = [sample.readings.get(component) for sample in self.samples]
            yield from itertools.pairwise(readings for readings in said if readings is not None)


@dataclass(frozen=True)
class Slo:
    """How the pipeline does; see the package. Times in seconds unless named otherwise, None for what is not known."""

    pipeline: str
    events_per_second: float | None = None
    lag_seconds: float | None = None
    alert_latency_p50_ms: float | None = None
    alert_latency_p99_ms: float | None = None
    dispatch_latency_p99_ms: float | None = None
    freshness_seconds: float | None = None
    alerts_total: int | None = None
    dispatches_total: int | None = None
    dead_letters_total: int | None = None
    last_event_at: float | None = None  # UTC seconds
    canary_age_seconds: float | None = None
    canary_latency_ms: float | None = None
    lags: Mapping[str, float] = field(default_factory=dict)  # by component, of those whose is known
    components: Mapping[str, bool] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)  # by component, in words

    def as_json(self) -> dict[str, Any]:
        """The document, as the package describes it."""
        return {
            "pipeline": self.pipeline,
            "eventsPerSecond": _rounded(self.events_per_second),
            "lagSeconds": _rounded(self.lag_seconds),
            "alertLatencyP50Ms": _rounded(self.alert_latency_p50_ms),
            "alertLatencyP99Ms": _rounded(self.alert_latency_p99_ms),
            "dispatchLatencyP99Ms": _rounded(self.dispatch_latency_p99_ms),
            "freshnessSeconds": _rounded(self.freshness_seconds),
            "alertsTotal": self.alerts_total,
            "dispatchesTotal": self.dispatches_total,
            "deadLettersTotal": self.dead_letters_total,
            "lastEventTime": None if self.last_event_at is None else _rfc3339(self.last_event_at),
            "canaryAgeSeconds": _rounded(self.canary_age_seconds),
            "canaryLatencyMs": _rounded(self.canary_latency_ms),
            "lags": {component: round(lag, 1) for component, lag in self.lags.items()},
            "components": dict(self.components),
            "troubles": dict(self.troubles),
        }


def judge(pipeline: str, window: Window, seen: Seen, now: float) -> Slo:
    """How the pipeline does at ``now``, UTC seconds."""
    lags = dict(component_lags(window, seen, now))
    return Slo(
        pipeline,
        events_per_second=events_per_second(window),
        lag_seconds=lag_seconds(window, lags),
        alert_latency_p50_ms=seen.alert_p50_ms,
        alert_latency_p99_ms=seen.alert_p99_ms,
        dispatch_latency_p99_ms=seen.dispatch_p99_ms,
        freshness_seconds=max(_ages(window, now), default=None),
        alerts_total=seen.alerts,
        dispatches_total=seen.dispatches,
        dead_letters_total=seen.dead_letters,
        last_event_at=max(_newest_events(window), default=None),
        canary_age_seconds=None if seen.canary is None else max(0.0, now - seen.canary.sent_ms / 1000),
        canary_latency_ms=None if seen.canary is None else seen.canary.latency_ms,
        lags=lags,
        components={} if not window.samples else {
            component: readings is not None for component, readings in window.samples[-1].readings.items()
        },
        troubles=_troubles(window),
    )  # fmt: skip


def events_per_second(window: Window) -> float | None:
    """Over the window, all sources; None until a producer has answered twice."""
    steps = [(before, after) for before, after in window.steps() if before.events or after.events]
    if not steps or not window.span_s:
        return None
    return sum(sum(increase(before, after).values()) for before, after in steps) / window.span_s


def lag_seconds(window: Window, lags: Mapping[str, float]) -> float | None:
    """The worst there is; None while landing is to run and has not said, for it may be behind by any time.

    Transform is left out: it runs on a schedule, and how old its tables may be is another objective.
    """
    if window.samples and LANDING in window.samples[-1].readings and LANDING not in lags:
        return None
    return max((lag for component, lag in lags.items() if component != TRANSFORM), default=None)


def component_lags(window: Window, seen: Seen, now: float) -> Iterator[tuple[str, float]]:
    """(component, seconds) that each is behind what it reads; how it is known:

    A producer by the newest reading that it has published. Alerts by the oldest canary that awaits its alert, else by
    how long the last one took. Dispatch by the oldest alert that it has not committed. Landing and transform by when
    they last had everything. One that has ceased to answer has done nothing since, for all that is known.
    """
    for component, (at, readings) in window.latest.items():
        if readings.lag_s is not None:
            yield component, readings.lag_s + max(0.0, now - at)
    if seen.awaited_ms is not None:
        yield ALERTS, max(0.0, now - seen.awaited_ms / 1000)
    elif seen.canary is not None:
        yield ALERTS, seen.canary.latency_ms / 1000
    if seen.dispatch_lag_s is not None:
        yield DISPATCH, seen.dispatch_lag_s


def _ages(window: Window, now: float) -> Iterator[float]:
    for at, readings in window.latest.values():
        for table, age in readings.freshness_s.items():
            if table.removeprefix("raw.") in _SOURCE_TABLES:
                yield max(0.0, age) + max(0.0, now - at)


def _troubles(window: Window) -> dict[str, str]:
    said = window.samples[-1].readings.items() if window.samples else ()
    return {component: "; ".join(readings.troubles) for component, readings in said if readings and readings.troubles}


def _newest_events(window: Window) -> Iterator[float]:
    for at, readings in window.latest.values():
        yield from (at - lag for lag in readings.source_lag_s.values())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

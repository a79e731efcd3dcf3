"""From what the components said within the last minute, and what Kafka holds, to how the pipeline does; pure."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
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
class Said:
    """What a component has said last, however long ago: since when a thing is behind, or how old it is, in UTC seconds.

    A process that is begun anew has for a while nothing to say of what its predecessor did. That goes on ageing.
    """

    sources: dict[str, float] = field(default_factory=dict)  # observed_at of a source's newest reading
    others: dict[str, float] = field(default_factory=dict)  # when all of a topic (transform's: a zone) was there
    tables: dict[str, float] = field(default_factory=dict)  # when the newest row of a table was written

    def add(self, at: float, readings: Readings) -> None:
        """It says this now."""
        whole = {} if readings.transform_lag_s is None else {"": readings.transform_lag_s}
        for kept, told in (
            (self.sources, readings.source_lag_s),
            (self.others, {**readings.landing_lag_s, **whole}),
            (self.tables, readings.freshness_s),
        ):
            kept.update({name: at - age for name, age in told.items()})

    def lag_s(self, now: float) -> float | None:
        """How far behind it is by its own word; None when it has never said anything of the kind."""
        since = min((*self.sources.values(), *self.others.values()), default=None)
        return None if since is None else max(0.0, now - since)


@dataclass
class Window:
    """The samples of the last minute, and of each component the last that it said, however long ago."""

    samples: deque[Sample] = field(default_factory=deque)
    said: defaultdict[str, Said] = field(default_factory=lambda: defaultdict(Said))

    def add(self, sample: Sample) -> None:
        """Take in a sample; forget what is too old, and everything when the clock was put back."""
        if self.samples and sample.at <= self.samples[-1].at:
            self.samples.clear()
        self.samples.append(sample)
        while self.samples[0].at < sample.at - WINDOW_S:
            self.samples.popleft()
        for component, readings in sample.readings.items():
            if readings is not None:
                self.said[component].add(sample.at, readings)
        for component, run in sample.passing.items():
            self.said[component].add(sample.at, run)

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
    """How the pipeline does, as README.md has it: seconds unless named otherwise, None for what is not known."""

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
    tables: Mapping[str, float] = field(default_factory=dict)  # age of the newest row, by table
    components: Mapping[str, bool] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)  # by component, in words

    def as_json(self) -> dict[str, Any]:
        """The document, as README.md describes it."""
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
            "tables": {table: round(age, 1) for table, age in self.tables.items()},
            "components": dict(self.components),
            "troubles": dict(self.troubles),
        }


def judge(pipeline: str, window: Window, seen: Seen, now: float) -> Slo:
    """How the pipeline does at ``now``, UTC seconds."""
    lags, ages = dict(component_lags(window, seen, now)), dict(table_ages(window, now))
    return Slo(
        pipeline,
        events_per_second=events_per_second(window),
        lag_seconds=lag_seconds(window, lags),
        alert_latency_p50_ms=seen.alert_p50_ms,
        alert_latency_p99_ms=seen.alert_p99_ms,
        dispatch_latency_p99_ms=seen.dispatch_p99_ms,
        freshness_seconds=max((age for table, age in ages.items() if table in _SOURCE_TABLES), default=None),
        alerts_total=seen.alerts,
        dispatches_total=seen.dispatches,
        dead_letters_total=seen.dead_letters,
        last_event_at=max(_newest_events(window), default=None),
        canary_age_seconds=None if seen.canary is None else max(0.0, now - seen.canary.sent_ms / 1000),
        canary_latency_ms=None if seen.canary is None else seen.canary.latency_ms,
        lags=lags,
        tables=ages,
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


def table_ages(window: Window, now: float) -> Iterator[tuple[str, float]]:
    """(table, seconds) that its newest row is old."""
    for said in window.said.values():
        for table, written_at in said.tables.items():
            yield table, max(0.0, now - written_at)


def component_lags(window: Window, seen: Seen, now: float) -> Iterator[tuple[str, float]]:
    """(component, seconds) that each is behind what it reads; how it is known:

    A producer by the newest reading that it has published. Alerts by the oldest canary that awaits its alert, else by
    how long the last one took. Dispatch by the oldest alert that it has not committed. Landing and transform by when
    they last had everything. One that has ceased to answer has done nothing since, for all that is known.
    """
    for component, said in window.said.items():
        lag = said.lag_s(now)
        if lag is not None:
            yield component, lag
    if seen.awaited_ms is not None:
        yield ALERTS, max(0.0, now - seen.awaited_ms / 1000)
    elif seen.canary is not None:
        yield ALERTS, seen.canary.latency_ms / 1000
    if seen.dispatch_lag_s is not None:
        yield DISPATCH, seen.dispatch_lag_s


def _troubles(window: Window) -> dict[str, str]:
    said = window.samples[-1].readings.items() if window.samples else ()
    return {component: "; ".join(readings.troubles) for component, readings in said if readings and readings.troubles}


def _newest_events(window: Window) -> Iterator[float]:
    for said in window.said.values():
        yield from said.sources.values()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

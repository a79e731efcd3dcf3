"""What the components say about themselves on /metrics, read into what a person wants to know; pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_EVENTS, _SOURCE_LAG = "health_producer_events_total", "health_producer_source_lag_seconds"
_SOURCE_ERRORS = "health_producer_source_errors_total"
_LAG_RECORDS, _LAG_SECONDS = "health_streaming_lag_records", "health_streaming_lag_seconds"
_ROWS, _FRESHNESS = "health_streaming_rows_total", "health_lake_freshness_seconds"
_BY = {_SOURCE_LAG: "source", _FRESHNESS: "table"}  # plain gauges, each with the label that tells them apart
_DISPATCHES = "health_dispatch_total"
_ALERT_LATENCY, _DISPATCH_LATENCY = "health_alert_latency_seconds_bucket", "health_dispatch_latency_seconds_bucket"
# Each with the label that says who is in trouble, where there are several.
_TROUBLES = {"health_catalog_crawl_trouble": "crawler", "health_catalog_etl_trouble": "step"}
_READ = (
    _EVENTS, _SOURCE_LAG, _SOURCE_ERRORS, _LAG_RECORDS, _LAG_SECONDS, _ROWS, _FRESHNESS, _DISPATCHES,
    _ALERT_LATENCY, _DISPATCH_LATENCY, *_TROUBLES,
)  # fmt: skip


@dataclass(frozen=True)
class Histogram:
    """Cumulative counts by upper bound, as Prometheus has them. Bounds in seconds."""

    buckets: Mapping[float, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many observations."""
        return int(max(self.buckets.values(), default=0))

    def quantile_ms(self, quantile: float) -> float | None:
        """In milliseconds, interpolated within the bucket; None without observations, inf beyond the last bound."""
        rank, below, low = quantile * self.count, 0.0, 0.0
        for bound, count in sorted(self.buckets.items()):
            if count >= rank and count > 0:
                if math.isinf(bound):
                    return math.inf
                share = (rank - below) / (count - below) if count > below else 1.0
                return 1000 * (low + (bound - low) * share)
            below, low = count, bound
        return None


@dataclass(frozen=True)
class Readings:
    """Totals since the components started. A component that does not answer is left out.

    Of dispatch there may be several on a cluster, and its Service lets now one answer and now another: its totals are
    true where there is one process of it, as on a laptop.
    """

    produced: Mapping[str, float] = field(default_factory=dict)  # by source
    dead_lettered: Mapping[str, float] = field(default_factory=dict)  # by source
    source_errors: Mapping[str, float] = field(default_factory=dict)  # failed requests, by source
    source_lag_s: Mapping[str, float] = field(default_factory=dict)  # by source
    landing_lag: Mapping[str, float] = field(default_factory=dict)  # records that are not landed yet, by topic
    landing_lag_s: Mapping[str, float] = field(default_factory=dict)  # how long ago all was landed, by topic
    transform_lag_s: float | None = None  # how long ago all that had landed was transformed
    freshness_s: Mapping[str, float] = field(default_factory=dict)  # age of the newest row, by table
    rows_landed: float = 0  # dead letters among them
    dispatches: Mapping[str, float] = field(default_factory=dict)  # by outcome
    alert_latency: Histogram = field(default_factory=Histogram)
    dispatch_latency: Histogram = field(default_factory=Histogram)
    troubles: tuple[str, ...] = ()  # in words: "vitals: CrawlFailed"

    @property
    def lag_s(self) -> float | None:
        """How far behind it says that it is; None when it says nothing of the kind."""
        own = [*self.source_lag_s.values(), *self.landing_lag_s.values()]
        own += [] if self.transform_lag_s is None else [self.transform_lag_s]
        return max(0.0, *own) if own else None

    @property
    def alerts(self) -> int:
        """Alerts that reached dispatch."""
        return self.alert_latency.count

    @property
    def events(self) -> Mapping[str, float]:
        """Items that Kafka has, dead letters among them, by source."""
        sources = {*self.produced, *self.dead_lettered}
        return {source: self.produced.get(source, 0) + self.dead_lettered.get(source, 0) for source in sources}


def parse(text: str) -> list[Metric]:
    """The metrics in an answer of /metrics that are read here; ValueError when it is none.

    The others are left out before they are parsed: a component has ten times as many, and parsing is what costs.
    """
    lines = [line for line in text.splitlines(keepends=True) if line.startswith(_READ)]
    return list(text_string_to_metric_families("".join(lines)))


def interpret(metrics: Iterable[Metric]) -> Readings:
    """The metrics of one or more components; those of other names are ignored."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    gauges: dict[str, dict[str, float]] = defaultdict(dict)
    buckets: dict[str, dict[float, float]] = defaultdict(dict)
    samples = [sample for metric in metrics for sample in metric.samples]
    for sample in samples:
        name, labels, value = sample.name, sample.labels, sample.value
        is_landing = labels.get("query") == "landing"
        if name == _EVENTS:
            sums[labels.get("result", "")][labels.get("source", "")] += value
        elif name == _SOURCE_ERRORS:
            sums["source_errors"][labels.get("source", "")] += value
        elif name == _LAG_RECORDS and is_landing:
            sums["landing_lag"][labels.get("topic", "")] += value
        elif name == _ROWS and is_landing:
            sums["rows"][labels.get("result", "")] += value
        elif name == _DISPATCHES:
            sums["outcome"][labels.get("outcome", "")] += value
        elif name == _LAG_SECONDS and labels.get("query") in ("landing", "transform"):
            of_topic, topic = gauges[labels["query"]], labels.get("topic", "")
            of_topic[topic] = max(value, of_topic.get(topic, value))  # its partition that is furthest behind
        elif name in _BY:
            gauges[name][labels.get(_BY[name], "")] = value
        elif name in (_ALERT_LATENCY, _DISPATCH_LATENCY):
            buckets[name][float(labels.get("le", "inf"))] = value
    return Readings(
        produced=dict(sums["published"]),
        dead_lettered=dict(sums["dead_letter"]),
        source_errors=dict(sums["source_errors"]),
        source_lag_s=gauges[_SOURCE_LAG],
        landing_lag=dict(sums["landing_lag"]),
        landing_lag_s=gauges["landing"],
        transform_lag_s=max(gauges["transform"].values(), default=None),
        freshness_s=gauges[_FRESHNESS],
        rows_landed=sums["rows"]["read"],
        dispatches=dict(sums["outcome"]),
        alert_latency=Histogram(buckets[_ALERT_LATENCY]),
        dispatch_latency=Histogram(buckets[_DISPATCH_LATENCY]),
        troubles=_troubles(samples),
    )


def _troubles(samples: Iterable[Sample]) -> tuple[str, ...]:
    said = [(_TROUBLES[each.name], each.labels) for each in samples if each.name in _TROUBLES and each.value]
    return tuple(sorted(f"{labels.get(by) or 'jobs'}: {labels.get('reason', '')}" for by, labels in said))


def increase(before: Readings, after: Readings) -> dict[str, float]:
    """Events by source between two readings; a counter that went back (a restart) counts from zero."""
    result = {}
    for source, now in after.events.items():
        then = before.events.get(source, 0)
        result[source] = now - then if now >= then else now
    return result


def rates(before: Readings, after: Readings, seconds: float) -> dict[str, float]:
    """Events per second by source between two readings."""
    return {source: events / seconds for source, events in increase(before, after).items()}

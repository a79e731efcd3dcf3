"""The same figures as GET /slo as metrics; names are part of the interface. What is not known is NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping

from health_pipeline.stream_metrics import LAG_RECORDS, LAG_SECONDS
from health_pipeline.telemetry import LATENCY_BUCKETS
from prometheus_client import Counter, Gauge, Histogram

from health_lag.canaries import LOST, Canaries, Canary, PartitionLag
from health_lag.slo import Slo

_CANARY_AGE = Gauge(
    "health_canary_age_seconds", "Since the sending of the newest canary that came through", ["pipeline", "path"]
)
_CANARIES_SENT = Counter("health_canary_sent", "Canaries handed to Kafka, whatever becomes of them", ["pipeline"])
_CANARIES_LOST = Counter(
    "health_canary_lost",
    "Canaries that will not come through: overtaken by another, given up, or refused by Kafka",
    ["pipeline", "reason"],
)
_CANARY_AWAITED = Gauge(
    "health_canary_awaited_seconds",
    "Since the sending of the oldest canary that Kafka has and that has not come through; 0: there is none",
    ["pipeline", "path"],
)
_CANARY_LATENCY = Histogram(
    "health_canary_latency_seconds",
    "From a canary's reading to its alert on Kafka",
    ["pipeline"],
    buckets=LATENCY_BUCKETS,
)
_EVENTS = Gauge("health_slo_events_per_second", "Given to Kafka by all producers, over the last minute", ["pipeline"])
_LAG = Gauge("health_slo_lag_seconds", "The worst of all components but transform", ["pipeline"])
_LAGS = Gauge("health_component_lag_seconds", "How far it is behind what it reads", ["pipeline", "component"])
_ALERT = Gauge("health_slo_alert_latency_seconds", "Reading to alert, last minute", ["pipeline", "quantile"])
_DISPATCH = Gauge("health_slo_dispatch_latency_seconds", "Reading to dispatch, last minute", ["pipeline", "quantile"])
_FRESHNESS = Gauge("health_slo_freshness_seconds", "The oldest among the newest rows of sources' tables", ["pipeline"])
_TABLES = Gauge("health_slo_table_freshness_seconds", "Age of a table's newest row", ["pipeline", "table"])
_TOTALS = Gauge("health_slo_records", "Records on Kafka, since the pipeline began", ["pipeline", "kind"])
_ANSWERS = Gauge("health_slo_component_answers", "1 when its metrics could be read", ["pipeline", "component"])


class Metrics:
    """The metrics of one pipeline."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._behind: set[str] = set()
        self._lost = dict.fromkeys(LOST, 0)
        for reason in LOST:
            _CANARIES_LOST.labels(pipeline, reason)
        _CANARY_AWAITED.labels(pipeline, "alerts").set(math.nan)

    def canary_sent(self) -> None:
        """A canary is on its way."""
        _CANARIES_SENT.labels(self._pipeline).inc()

    def canary(self, canary: Canary) -> None:
        """A canary came through."""
        _CANARY_LATENCY.labels(self._pipeline).observe(canary.latency_ms / 1000)

    def canaries(self, canaries: Canaries, now_ms: int) -> None:
        """What has become of them so far."""
        awaited_ms = canaries.awaited_ms
        age_s = 0.0 if awaited_ms is None else max(0, now_ms - awaited_ms) / 1000
        _CANARY_AWAITED.labels(self._pipeline, "alerts").set(age_s)
        for reason, count in canaries.lost.items():
            _CANARIES_LOST.labels(self._pipeline, reason).inc(count - self._lost[reason])
        self._lost = dict(canaries.lost)

    def partitions(self, topic: str, lags: Mapping[int, PartitionLag]) -> None:
        """How far alerts are behind in Real-time Mode, by partition."""
        for partition, lag in lags.items():
            place = (self._pipeline, "alerts", topic, str(partition))
            LAG_RECORDS.labels(*place).set(_known(lag.records))
            LAG_SECONDS.labels(*place).set(_known(lag.seconds))

    def show(self, slo: Slo) -> None:
        """The gauges."""
        _CANARY_AGE.labels(self._pipeline, "alerts").set(_known(slo.canary_age_seconds))
        _EVENTS.labels(self._pipeline).set(_known(slo.events_per_second))
        _LAG.labels(self._pipeline).set(_known(slo.lag_seconds))
        _ALERT.labels(self._pipeline, "0.5").set(_known(slo.alert_latency_p50_ms) / 1000)
        _ALERT.labels(self._pipeline, "0.99").set(_known(slo.alert_latency_p99_ms) / 1000)
        _DISPATCH.labels(self._pipeline, "0.99").set(_known(slo.dispatch_latency_p99_ms) / 1000)
        _FRESHNESS.labels(self._pipeline).set(_known(slo.freshness_seconds))
        _TOTALS.labels(self._pipeline, "alerts").set(_known(slo.alerts_total))
        _TOTALS.labels(self._pipeline, "dispatches").set(_known(slo.dispatches_total))
        _TOTALS.labels(self._pipeline, "dead_letters").set(_known(slo.dead_letters_total))
        for component in self._behind - slo.lags.keys():
            _LAGS.remove(self._pipeline, component)
        self._behind = set(slo.lags)
        for component, lag in slo.lags.items():
            _LAGS.labels(self._pipeline, component).set(lag)
        for table, age in slo.tables.items():
            _TABLES.labels(self._pipeline, table).set(age)
        for component, answers in slo.components.items():
            _ANSWERS.labels(self._pipeline, component).set(answers)


def _known(value: float | None) -> float:
    return math.nan if value is None else value

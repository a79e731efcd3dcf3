"""What the components say about themselves on /metrics, read into what a person wants to know."""

from __future__ import annotations

import http.client
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from healthctl.embedded.ports import LOOPBACK

_TIMEOUT_S = 1.0


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
    """Totals since the components started. A component that does not answer is left out."""

    produced: Mapping[str, float] = field(default_factory=dict)  # by source
    dead_lettered: Mapping[str, float] = field(default_factory=dict)  # by source
    source_lag_s: Mapping[str, float] = field(default_factory=dict)  # by source
    landing_lag: Mapping[str, float] = field(default_factory=dict)  # records that are not landed yet, by topic
    rows_landed: float = 0  # dead letters among them
    dispatches: Mapping[str, float] = field(default_factory=dict)  # by outcome
    alert_latency: Histogram = field(default_factory=Histogram)
    dispatch_latency: Histogram = field(default_factory=Histogram)

    @property
    def alerts(self) -> int:
        """Alerts that reached dispatch."""
        return self.alert_latency.count


def read(ports: Iterable[int]) -> Readings:
    """Ask every component at once."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        texts = list(pool.map(_scrape, ports))
    return interpret(metric for text in texts for metric in text_string_to_metric_families(text))


def interpret(metrics: Iterable[Metric]) -> Readings:
    """The metrics of DESIGN by their names; others are ignored."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    buckets: dict[str, dict[float, float]] = defaultdict(dict)
    rows = 0.0
    for sample in (sample for metric in metrics for sample in metric.samples):
        name, labels, value = sample.name, sample.labels, sample.value
        if name == "health_producer_events_total":
            sums[labels["result"]][labels["source"]] += value
        elif name == "health_producer_source_lag_seconds":
            sums["source_lag"][labels["source"]] = value
        elif name == "health_streaming_lag_records" and labels.get("query") == "landing":
            sums["landing_lag"][labels["topic"]] += value
        elif name == "health_streaming_rows_total" and (labels["query"], labels["result"]) == ("landing", "read"):
            rows += value
        elif name == "health_dispatch_total":
            sums["outcome"][labels["outcome"]] += value
        elif name in ("health_alert_latency_seconds_bucket", "health_dispatch_latency_seconds_bucket"):
            buckets[name][float(labels["le"])] = value
    return Readings(
        produced=dict(sums["published"]),
        dead_lettered=dict(sums["dead_letter"]),
        source_lag_s=dict(sums["source_lag"]),
        landing_lag=dict(sums["landing_lag"]),
        rows_landed=rows,
        dispatches=dict(sums["outcome"]),
        alert_latency=Histogram(buckets["health_alert_latency_seconds_bucket"]),
        dispatch_latency=Histogram(buckets["health_dispatch_latency_seconds_bucket"]),
    )


def rates(before: Readings, after: Readings, seconds: float) -> dict[str, float]:
    """Events per second by source between two readings; a counter that went back (a restart) counts from zero."""
    result = {}
    for source in after.produced:
        now = after.produced[source] + after.dead_lettered.get(source, 0)
        then = before.produced.get(source, 0) + before.dead_lettered.get(source, 0)
        result[source] = (now - then if now >= then else now) / seconds
    return result


def _scrape(port: int) -> str:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""  # it is starting, or has just ended: its status says so
    finally:
        connection.close()

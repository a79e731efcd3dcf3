"""What the producer counts; names are part of the interface."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge

_EVENTS = Counter("health_producer_events", "Items by what became of them", ["pipeline", "source", "result"])
_LAG = Gauge(
    "health_producer_source_lag_seconds",
    "Age of the newest published reading: now - observed_at",
    ["pipeline", "source"],
)
_ERRORS = Counter("health_producer_source_errors", "Failed requests to the source", ["pipeline", "source", "kind"])


class Metrics:
    """The metrics of one source."""

    def __init__(self, pipeline: str, source: str) -> None:
        self._labels = (pipeline, source)
        self._published = _EVENTS.labels(*self._labels, "published")
        self._dead_letters = _EVENTS.labels(*self._labels, "dead_letter")
        self._retried = _EVENTS.labels(*self._labels, "retried")
        self._newest_ms = 0

    def delivered(self, published: int, dead_letters: int, newest_ms: int) -> None:
        """Kafka has these; ``newest_ms`` is the latest observed_at among them, 0 when there is none."""
        self._published.inc(published)
        self._dead_letters.inc(dead_letters)
        if newest_ms and not self._newest_ms:
            _LAG.labels(*self._labels).set_function(lambda: time.time() - self._newest_ms / 1000)
        self._newest_ms = max(self._newest_ms, newest_ms)

    def retried(self, items: int) -> None:
        """Kafka does not have these, and they will be sent again."""
        self._retried.inc(items)

    def source_failed(self, kind: str) -> None:
        """A request to the source failed."""
        _ERRORS.labels(*self._labels, kind).inc()

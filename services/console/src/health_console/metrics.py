"""What the console measures of itself."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

_RECORDS = Counter("health_console_records", "Records read from Kafka", ["pipeline", "topic", "result"])
_CLIENTS = Gauge("health_console_clients", "Pages that are open", ["pipeline", "page"])

_PAGES = ("city", "pipeline")


class Metrics:
    """The metrics of one pipeline's console."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        for page in _PAGES:
            _CLIENTS.labels(pipeline, page)

    def record(self, topic: str, *, is_read: bool) -> None:
        """A record came, and could be read or not."""
        _RECORDS.labels(self._pipeline, topic, "read" if is_read else "unreadable").inc()

    def clients(self, page: str, count: int) -> None:
        """So many have that page open."""
        _CLIENTS.labels(self._pipeline, page).set(count)

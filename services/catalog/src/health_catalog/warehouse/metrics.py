"""What the loader measures; the names are part of the platform's interface."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram

_ROWS = Counter("health_warehouse_rows", "Rows loaded; an hour that is loaded anew counts again", ["pipeline", "table"])
_SECONDS = Histogram(
    "health_warehouse_load_seconds",
    "How long a load took, of one table's partitions",
    ["pipeline"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600),
)
_LOADS = Counter("health_warehouse_loads", "Loads; result is loaded or failed", ["pipeline", "result"])
_PENDING = Gauge("health_warehouse_pending_partitions", "Partitions that are not loaded in their version", ["pipeline"])
_LAG = Gauge("health_warehouse_lag_seconds", "Since the warehouse last had all that was committed", ["pipeline"])


class Metrics:
    """The metrics of one pipeline."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._complete = time.monotonic()
        for result in ("loaded", "failed"):  # what begins with its first failure would show no increase
            _LOADS.labels(pipeline, result)
        _SECONDS.labels(pipeline)
        _LAG.labels(pipeline).set_function(lambda: time.monotonic() - self._complete)

    def loaded(self, table: str, rows: int, seconds: float) -> None:
        """A load is done."""
        _ROWS.labels(self._pipeline, table).inc(rows)
        _SECONDS.labels(self._pipeline).observe(seconds)
        _LOADS.labels(self._pipeline, "loaded").inc()

    def failed(self) -> None:
        """A load has failed and will be tried again."""
        _LOADS.labels(self._pipeline, "failed").inc()

    def show(self, pending: int) -> None:
        """How many partitions are to be loaded still."""
        _PENDING.labels(self._pipeline).set(pending)
        if not pending:
            self._complete = time.monotonic()

"""How old the newest row of each table is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from prometheus_client import Gauge

FRESHNESS = Gauge(
    "health_lake_freshness_seconds",
    "Age of the newest row that was put into a table, by Kafka's own time. Where crawlers find partitions of the raw "
    "zone, its readers see a new hour only after a crawl",
    ["pipeline", "table"],
)


class Freshness:
    """The gauge of a pipeline's tables; ``zone`` is in front of the names of those that are not the raw zone's."""

    def __init__(self, pipeline: str, zone: str = "") -> None:
        self._pipeline, self._before = pipeline, f"{zone}." if zone else ""
        self._newest: dict[str, float] = {}

    def note(self, newest: Mapping[str, float]) -> None:
        """When the newest of the rows was written to Kafka that a table has got, by table, in seconds since 1970."""
        for table, written_at in newest.items():
            self._newest[table] = max(written_at, self._newest.get(table, written_at))
            FRESHNESS.labels(self._pipeline, self._before + table).set_function(partial(self._age, table))

    def _age(self, table: str) -> float:
        return time.time() - self._newest[table]

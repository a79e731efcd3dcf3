"""Metrics of what has landed: how many rows became what, and how old the newest one is to a reader."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from health_events import DEAD_LETTERS
from prometheus_client import Gauge
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from health_streaming.progress import ROWS
from health_streaming.sinks.tally import Tally, take

FRESHNESS = Gauge(
    "health_lake_freshness_seconds",
    "Age of the newest row of a table that its readers can see, by Kafka's own time",
    ["pipeline", "table"],
)


class Landings(StreamingQueryListener):
    """Reads the tally of each finished batch from ``folder``."""

    def __init__(self, pipeline: str, folder: Path) -> None:
        self._pipeline, self._folder = pipeline, folder
        self._newest: dict[str, float] = {}

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 (Spark's name)
        """Nothing has landed yet."""

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """Nothing has landed."""

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """The job's loop sees it as well."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """Count what the batch has landed."""
        tally = take(self._folder, event.progress.batchId)
        if tally is not None:
            self.note(tally, event.progress.name or "")

    def note(self, tally: Tally, query: str) -> None:
        """Count these rows."""
        for table, rows in tally.rows.items():
            result = "dead_lettered" if table == DEAD_LETTERS.name else "landed"
            ROWS.labels(self._pipeline, query, result).inc(rows)
        for table, newest in tally.newest.items():
            self._newest[table] = max(newest, self._newest.get(table, newest))
            FRESHNESS.labels(self._pipeline, table).set_function(partial(self._age, table))

    def _age(self, table: str) -> float:
        return time.time() - self._newest[table]

"""Metrics of what has landed: how many rows became what, and how old the newest one is."""

from __future__ import annotations

from pathlib import Path

from health_events import DEAD_LETTERS
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from health_streaming.freshness import Freshness
from health_streaming.progress import ROWS
from health_streaming.sinks.tally import Tally, take


class Landings(StreamingQueryListener):
    """Reads the tally of each finished batch from ``folder``."""

    def __init__(self, pipeline: str, folder: Path) -> None:
        self._pipeline, self._folder = pipeline, folder
        self._freshness = Freshness(pipeline)

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
        self._freshness.note(tally.newest)

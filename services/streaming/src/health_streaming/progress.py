"""Metrics of streaming queries, from the progress that Spark reports at the end of each batch.

A query of micro-batches reports often, so the time since it did is lag as well: when a batch hangs, it shows. In
Real-time Mode a batch lasts minutes, and what is said of lag at its end is true for that moment only, so it is not said
here. What is true inside of a batch shows in the records that come out, and the pipeline's watcher tells it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

from health_pipeline.stream_metrics import LAG_RECORDS, LAG_SECONDS
from prometheus_client import Counter, Histogram
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    SourceProgress,
    StreamingQueryListener,
)

BATCH_SECONDS = Histogram(
    "health_streaming_batch_seconds",
    "How long a batch took",
    ["pipeline", "query"],
    buckets=(0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600),
)
ROWS = Counter(
    "health_streaming_rows_total",
    "Rows of finished batches; result is read, or what the query says became of them",
    ["pipeline", "query", "result"],
)
# Of DataFrame.observe: each of its columns is a count of rows, by result.
OBSERVED = "rows"


class Progress(StreamingQueryListener):
    """Keeps the metrics of all queries of a session. ``is_realtime``: batches last minutes and mean nothing by that."""

    def __init__(self, pipeline: str, *, is_realtime: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._pipeline, self._is_realtime, self._now = pipeline, is_realtime, now
        self._names: dict[UUID, str] = {}
        self._caught_up: dict[tuple[str, str, str], float] = {}

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 (Spark's name)
        """An idle query is told of by its id alone."""
        self._names[event.id] = event.name or ""

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """It has looked, and there was nothing to read."""
        name = self._names.get(event.id)
        self._caught_up |= {key: self._now() for key in self._caught_up if key[0] == name}

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """The job's loop sees it as well."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """Note a finished batch."""
        progress = event.progress
        query = progress.name or ""
        BATCH_SECONDS.labels(self._pipeline, query).observe(progress.batchDuration / 1000)
        ROWS.labels(self._pipeline, query, "read").inc(progress.numInputRows)
        observed = progress.observedMetrics.get(OBSERVED)
        for result, count in (observed.asDict() if observed else {}).items():
            ROWS.labels(self._pipeline, query, result).inc(count or 0)
        for source in () if self._is_realtime else progress.sources:
            self._note_lag(query, source)

    def _note_lag(self, query: str, source: SourceProgress) -> None:
        # A batch that a restart repeats does not say what there was to read: whether that was all is not known then.
        reached = [(topic, each) for topic, parts in offsets(source.endOffset).items() for each in parts]
        unread: dict[tuple[str, str], int | None] = dict.fromkeys(reached)
        for topic, partition, records in lags(source.endOffset, source.latestOffset):
            LAG_RECORDS.labels(self._pipeline, query, topic, partition).set(records)
            unread[topic, partition] = records
        now = self._now()
        for place, waiting in unread.items():
            key = (query, *place)
            if waiting == 0 or key not in self._caught_up:
                self._caught_up[key] = now
            LAG_SECONDS.labels(self._pipeline, *key).set_function(partial(self._since, key))

    def _since(self, key: tuple[str, str, str]) -> float:
        return self._now() - self._caught_up[key]


def lags(end: str, latest: str) -> Iterator[tuple[str, str, int]]:
    """(topic, partition, records) between two offsets as Spark writes them: ``{"topic": {"0": 12}}``."""
    reached = offsets(end)
    for topic, partitions in offsets(latest).items():
        for partition, offset in partitions.items():
            yield topic, partition, max(0, offset - reached.get(topic, {}).get(partition, 0))


def offsets(text: str) -> dict[str, dict[str, int]]:
    """By topic and partition, as Spark writes them; what it does not know is empty, null, or a word that is no JSON."""
    return dict(json.loads(text)) if text.startswith("{") else {}

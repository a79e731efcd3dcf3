"""What is said of a stream's lag, by the events that Spark sends of it, in Spark's own JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from health_streaming.progress import Progress, offsets
from prometheus_client import REGISTRY
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    StreamingQueryProgress,
)

ID, RUN = str(uuid4()), str(uuid4())
AT = "2026-01-02T12:00:00.000Z"


class Query:
    """A query of two topics, and the clock."""

    def __init__(self, pipeline: str, *, is_realtime: bool = False) -> None:
        self.pipeline, self.now = pipeline, 100.0
        self._progress = Progress(pipeline, is_realtime=is_realtime, now=lambda: self.now)
        self._progress.onQueryStarted(QueryStartedEvent(ID, RUN, "landing", AT, []))

    def batch(self, at: float, vitals: int, gps: int, *, is_repeated: bool = False) -> None:
        """One has ended, with so many records of each topic not yet read."""
        self.report(at, {"vitals": {"0": vitals}, "gps": {"0": gps}}, is_repeated=is_repeated)

    def report(self, at: float, behind: Mapping[str, Mapping[str, int]], *, is_repeated: bool = False) -> None:
        """The same by topic and partition."""
        self.now = at
        self._progress.onQueryProgress(QueryProgressEvent(progress(behind, is_repeated=is_repeated)))

    def idle(self, at: float) -> None:
        """It has found nothing to read."""
        self.now = at
        self._progress.onQueryIdle(QueryIdleEvent(ID, RUN, AT))

    def lag(self, at: float) -> tuple[float | None, float | None]:
        """Of vitals and of gps, in seconds, when somebody asks then."""
        self.now = at
        vitals, gps = (
            REGISTRY.get_sample_value(
                "health_streaming_lag_seconds",
                {"pipeline": self.pipeline, "query": "landing", "topic": topic, "partition": "0"},
            )
            for topic in ("vitals", "gps")
        )
        return vitals, gps


def progress(behind: Mapping[str, Mapping[str, int]], *, is_repeated: bool = False) -> StreamingQueryProgress:
    """Of a batch that ended so many records before 1000."""
    end = {topic: {part: 1000 - records for part, records in parts.items()} for topic, parts in behind.items()}
    latest = {topic: dict.fromkeys(parts, 1000) for topic, parts in behind.items()}
    source: dict[str, Any] = {
        "description": "kafka",
        "startOffset": "null",
        "endOffset": json.dumps(end), "latestOffset": "" if is_repeated else json.dumps(latest),
        "numInputRows": 1, "inputRowsPerSecond": 1.0, "processedRowsPerSecond": 1.0,
    }  # fmt: skip
    return StreamingQueryProgress.fromJson({
        "id": ID, "runId": RUN, "name": "landing", "timestamp": AT, "batchId": 1, "batchDuration": 10, "durationMs": {},
        "eventTime": {}, "stateOperators": [], "sources": [source], "numInputRows": 1, "inputRowsPerSecond": 1.0,
        "processedRowsPerSecond": 1.0, "observedMetrics": {}, "sink": {"description": "lake", "numOutputRows": 1},
    })  # fmt: skip


def test_nothing_is_said_before_the_first_batch() -> None:
    assert Query("first").lag(200) == (None, None)


def test_it_grows_while_a_batch_hangs() -> None:
    query = Query("hanging")
    query.batch(100, vitals=0, gps=0)
    assert query.lag(101) == (1, 1)
    assert query.lag(400) == (300, 300)
    query.batch(401, vitals=0, gps=5)
    assert query.lag(401) == (0, 301)


def test_a_topic_that_is_not_read_to_its_end_is_behind_from_when_it_last_was() -> None:
    query = Query("behind")
    query.batch(100, vitals=7, gps=0)
    query.batch(110, vitals=3, gps=0)
    assert query.lag(111) == (11, 1)
    query.batch(120, vitals=0, gps=0)
    assert query.lag(120) == (0, 0)


def test_it_grows_from_a_batch_on_that_a_restart_has_repeated() -> None:
    query = Query("repeated")
    query.batch(100, vitals=0, gps=0, is_repeated=True)
    assert query.lag(140) == (40, 40)
    query.batch(150, vitals=0, gps=0)
    assert query.lag(150) == (0, 0)


@pytest.mark.parametrize("unknown", ["", "null", "-"])
def test_offsets_that_spark_does_not_know_are_none(unknown: str) -> None:
    """A batch that a restart repeats has some that are no JSON."""
    assert offsets(unknown) == {}
    assert offsets('{"vitals": {"0": 7}}') == {"vitals": {"0": 7}}


def test_a_query_that_has_nothing_to_read_is_not_behind() -> None:
    query = Query("idle")
    query.batch(100, vitals=7, gps=0)
    query.idle(150)
    assert query.lag(151) == (1, 1)


def test_each_partition_has_a_lag_of_its_own() -> None:
    query = Query("partitions")
    query.batch(100, vitals=0, gps=0)
    query.report(110, {"vitals": {"0": 0, "1": 4}})
    labels = {"pipeline": "partitions", "query": "landing", "topic": "vitals"}
    for partition, expected in (("0", (0, 0)), ("1", (4, 0))):
        place = labels | {"partition": partition}
        told = [REGISTRY.get_sample_value(f"health_streaming_lag_{of}", place) for of in ("records", "seconds")]
        assert tuple(told) == expected
    query.report(115, {"vitals": {"0": 0, "1": 2}})
    assert REGISTRY.get_sample_value("health_streaming_lag_seconds", labels | {"partition": "1"}) == 5


def test_nothing_is_said_that_would_be_true_for_the_end_of_a_long_batch_only() -> None:
    query = Query("realtime", is_realtime=True)
    query.batch(100, vitals=7, gps=0)
    assert query.lag(100) == (None, None)
    labels = {"pipeline": "realtime", "query": "landing", "topic": "vitals", "partition": "0"}
    assert REGISTRY.get_sample_value("health_streaming_lag_records", labels) is None

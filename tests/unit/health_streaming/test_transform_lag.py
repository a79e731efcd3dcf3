"""Where something lands during each run: either job ends all the same, and lag is the age of what was taken in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from health_streaming.incremental.run import Increment, Transform
from health_streaming.jobs import glue
from health_streaming.jobs import transform as job
from prometheus_client import REGISTRY


class Runs:
    """A transform that finds something new each time, and is stopped after some runs."""

    def __init__(self, outcomes: Iterator[bool], stop: threading.Event) -> None:
        self._outcomes, self._stop = outcomes, stop

    def run(self) -> Increment | None:
        assert not self._stop.is_set(), "it is to stop"
        is_all = next(self._outcomes, None)
        if is_all is None:
            self._stop.set()
            return Increment(1, 1, 1, 1, is_all=False, newest={})
        return Increment(1, 1, 1, 1, is_all, {"vitals_minute": time.time() - 40})


def lag(pipeline: str) -> float | None:
    labels = {"pipeline": pipeline, "query": "transform", "topic": "raw", "partition": ""}
    return REGISTRY.get_sample_value("health_streaming_lag_seconds", labels)


def caught_up(pipeline: str, *outcomes: bool) -> float | None:
    stop = threading.Event()
    job._catch_up(cast(Transform, Runs(iter(outcomes), stop)), job.Told(pipeline), stop)
    return lag(pipeline)


def test_a_run_that_took_in_all_there_was_counts_though_more_has_landed_since() -> None:
    told = caught_up("always-something", True)
    assert told is not None
    assert told < 5


def _on_spark(transform: Transform) -> None:
    job._catch_up(transform, job.Told("no-end"), threading.Event())


@pytest.mark.parametrize("work", [_on_spark, glue.take_in])
def test_it_ends_where_something_lands_during_each_run(work: Callable[[Transform], None]) -> None:
    outcomes = iter((False, True, True))
    work(cast(Transform, Runs(outcomes, threading.Event())))
    assert list(outcomes) == [True]


def test_tables_are_as_old_as_the_newest_row_that_was_taken_in() -> None:
    caught_up("fresh", True)
    labels = {"pipeline": "fresh", "table": "transformed.vitals_minute"}
    age = REGISTRY.get_sample_value("health_lake_freshness_seconds", labels)
    assert age is not None
    assert 40 <= age < 60


def test_a_bite_of_a_backlog_does_not() -> None:
    assert caught_up("backlog", False, False) is None

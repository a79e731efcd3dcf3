"""The transform's lag is the age of what it has taken in, also where something lands during each of its runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

from health_streaming.incremental.run import Increment, Transform
from health_streaming.jobs import transform as job
from prometheus_client import REGISTRY


class Runs:
    """A transform that finds something new each time, and is stopped after some runs."""

    def __init__(self, outcomes: Iterator[bool], stop: threading.Event) -> None:
        self._outcomes, self._stop = outcomes, stop

    def run(self) -> Increment | None:
        is_all = next(self._outcomes, None)
        if is_all is None:
            self._stop.set()
            return Increment(1, 1, 1, 1, is_all=False)
        return Increment(1, 1, 1, 1, is_all)


def lag(pipeline: str) -> float | None:
    labels = {"pipeline": pipeline, "query": "transform", "topic": "raw"}
    return REGISTRY.get_sample_value("health_streaming_lag_seconds", labels)


def caught_up(pipeline: str, *outcomes: bool) -> float | None:
    stop = threading.Event()
    job._catch_up(cast(Transform, Runs(iter(outcomes), stop)), pipeline, stop)
    return lag(pipeline)


def test_a_run_that_took_in_all_there_was_counts_though_more_has_landed_since() -> None:
    told = caught_up("always-something", True)
    assert told is not None
    assert told < 5


def test_it_ends_where_something_lands_during_each_run() -> None:
    outcomes, stop = iter((False, True, True)), threading.Event()
    job._catch_up(cast(Transform, Runs(outcomes, stop)), "no-end", stop)
    assert (list(outcomes), stop.is_set()) == ([True], False)


def test_a_bite_of_a_backlog_does_not() -> None:
    assert caught_up("backlog", False, False) is None

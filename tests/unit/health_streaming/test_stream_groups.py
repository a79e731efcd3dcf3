"""What is committed to a query's consumer group, and when; and that a Kafka that is away is in nobody's way."""

from __future__ import annotations

import json
import logging
import threading
from uuid import uuid4

import pytest
from health_streaming import groups
from health_streaming.groups import Group, Groups, Offsets
from healthctl.embedded.waiting import wait_until
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql.streaming.listener import QueryIdleEvent, QueryProgressEvent, StreamingQueryProgress

ID, RUN, AT = str(uuid4()), str(uuid4()), "2026-01-02T12:00:00.000Z"

# What happens, one after the other: the query comes so far, or so many seconds pass; and whether Kafka is there.
events = st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 5)), st.integers(0, 4000), st.booleans()), max_size=30)


@given(events)
def test_what_was_reached_last_is_committed_once_and_again_before_it_is_forgotten(
    happens: list[tuple[int | None, int, bool]],
) -> None:
    group, now, place = Group(), 0.0, 0
    had: tuple[int, float] | None = None  # what Kafka has, and since when
    tried_at = -1000.0
    for steps, seconds, is_there in happens:
        now += seconds
        if steps:
            place += steps
            group.reached({"t": {"0": place}})
        told = group.due(now)
        is_wanted = place > 0 and (had is None or had[0] != place or now - had[1] >= groups._AGAIN_S)
        assert bool(told) == (is_wanted and now - tried_at >= groups._RETRY_S)
        if not told:
            continue
        assert told == {"t": {"0": place}}
        if is_there:
            group.committed(told, now)
            had = place, now
        else:
            group.failed("away", now)
            tried_at = now
    assert group.due(now) == {} or had is None or had[0] != place or now - had[1] >= groups._AGAIN_S


def test_the_same_trouble_is_news_once_and_again_after_it_was_over() -> None:
    group = Group()
    group.reached({"t": {"0": 1}})
    assert [group.failed("away", 0), group.failed("away", 1), group.failed("refused", 2)] == [True, False, True]
    group.committed({"t": {"0": 1}}, 3)
    assert group.failed("refused", 4)


def _batch(query: str, *ends: Offsets) -> QueryProgressEvent:
    sources = [
        {"description": "kafka", "startOffset": "null", "endOffset": json.dumps(end), "latestOffset": json.dumps(end),
         "numInputRows": 1, "inputRowsPerSecond": 1.0, "processedRowsPerSecond": 1.0}
        for end in ends
    ]  # fmt: skip
    return QueryProgressEvent(StreamingQueryProgress.fromJson({
        "id": ID, "runId": RUN, "name": query, "timestamp": AT, "batchId": 1, "batchDuration": 10, "durationMs": {},
        "eventTime": {}, "stateOperators": [], "sources": sources, "numInputRows": 1, "inputRowsPerSecond": 1.0,
        "processedRowsPerSecond": 1.0, "observedMetrics": {}, "sink": {"description": "lake", "numOutputRows": 1},
    }))  # fmt: skip


def test_a_kafka_that_does_not_answer_holds_no_query_up_and_gets_the_newest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(groups, "_CALM_S", 0.01)
    monkeypatch.setattr(groups, "_RETRY_S", 0.01)
    asked, answers, stop = threading.Event(), threading.Event(), threading.Event()
    taken: list[tuple[str, Offsets]] = []

    def commit(name: str, offsets: Offsets) -> None:
        asked.set()
        if not answers.wait(30) or len(taken) == 1:
            taken.append(("refused", {}))
            raise OSError("nobody is there")
        taken.append((name, offsets))

    told = Groups("city", commit, stop)
    told.onQueryProgress(_batch("landing", {"city.vitals": {"0": 1, "1": 2}, "city.gps": {"0": 3}}))
    assert asked.wait(30)
    for place in range(5, 9):  # meanwhile it answers nobody
        told.onQueryProgress(_batch("landing", {"city.vitals": {"0": place, "1": 2}}))
    answers.set()

    def has_newest() -> bool:
        told.onQueryIdle(QueryIdleEvent(ID, RUN, AT))
        return taken[-1:] == [("city.landing", {"city.vitals": {"0": 8, "1": 2}})]

    with caplog.at_level(logging.WARNING):
        assert wait_until(has_newest, 30)
    stop.set()
    assert taken[0] == ("city.landing", {"city.vitals": {"0": 1, "1": 2}, "city.gps": {"0": 3}})
    assert len(taken) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "the offsets of group city.landing cannot be committed: nobody is there"
    ]

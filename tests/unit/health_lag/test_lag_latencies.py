"""Latencies are those of the last minute's records, each counted once, however many replicas of dispatch there are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from health_lag.latencies import WINDOW_MS, Firsts, Paths, quantile
from hypothesis import given
from hypothesis import strategies as st

NOW_MS = 1_790_000_000_000


def record(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def alert(paths: Paths, name: str, took_ms: int, *, ago_ms: int = 0) -> None:
    written = NOW_MS - ago_ms
    paths.alert(record(event_id=name, observed_at=written - took_ms), written, NOW_MS)


def dispatch(paths: Paths, about: str, took_ms: int, outcome: str = "dispatched", *, ago_ms: int = 0) -> None:
    written = NOW_MS - ago_ms
    paths.dispatch(record(alert_id=about, outcome=outcome, observed_at=written - took_ms), written, NOW_MS)


@given(st.lists(st.tuples(st.integers(0, 2 * WINDOW_MS), st.integers(-100, 10**6)), max_size=80))
def test_the_quantiles_are_those_of_the_records_of_the_last_minute_in_whatever_order_they_come(
    records: list[tuple[int, int]],
) -> None:
    paths = Paths()
    for number, (ago_ms, took_ms) in enumerate(records):
        alert(paths, f"a{number}", took_ms, ago_ms=ago_ms)
    recent = sorted(max(0, took) for ago, took in records if ago <= WINDOW_MS)
    p50, p99 = paths.alert_ms(NOW_MS)
    if not recent:
        assert (p50, p99) == (None, None)
        return
    assert p50 is not None and p99 is not None and p50 <= p99
    for value, share in ((p50, 0.5), (p99, 0.99)):
        assert value in recent
        assert sum(each <= value for each in recent) >= share * len(recent)
        assert sum(each < value for each in recent) < share * len(recent)


def test_a_minute_later_there_is_nothing_to_tell() -> None:
    paths = Paths()
    alert(paths, "a", 90)
    dispatch(paths, "a", 150)
    assert (paths.alert_ms(NOW_MS), paths.dispatch_ms(NOW_MS)) == ((90, 90), 150)
    later = NOW_MS + WINDOW_MS + 1
    assert (paths.alert_ms(later), paths.dispatch_ms(later)) == ((None, None), None)


def test_an_alert_that_is_sent_again_after_a_crash_is_not_late() -> None:
    paths = Paths()
    alert(paths, "a", 90, ago_ms=300_000)
    alert(paths, "a", 290_000, ago_ms=10_000)
    assert paths.alert_ms(NOW_MS) == (None, None)


def test_a_decision_that_had_to_wait_for_a_vehicle_says_nothing_about_how_fast_they_are_made() -> None:
    paths = Paths()
    dispatch(paths, "waits", 100, "unassigned", ago_ms=200_000)
    dispatch(paths, "waits", 200_000)
    dispatch(paths, "again", 100, "suppressed")
    assert paths.dispatch_ms(NOW_MS) is None
    dispatch(paths, "at-once", 120)
    dispatch(paths, "at-once", 60_000, "released")
    assert paths.dispatch_ms(NOW_MS) == 120


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"{}", b'{"observed_at": "now"}', b"[" * 100_000])
def test_what_is_no_record_of_ours_has_no_latency(payload: bytes) -> None:
    paths = Paths()
    paths.alert(payload, NOW_MS, NOW_MS)
    paths.dispatch(payload, NOW_MS, NOW_MS)
    assert (paths.alert_ms(NOW_MS), paths.dispatch_ms(NOW_MS)) == ((None, None), None)


def test_of_one_value_every_quantile_is_that_value() -> None:
    assert [quantile([7], share) for share in (0.0, 0.5, 1.0)] == [7, 7, 7]
    assert quantile([], 0.5) is None


def test_only_the_first_record_about_something_is_its_first() -> None:
    firsts = Firsts()
    assert [firsts.is_first(name) for name in ("a", "b", "a")] == [True, True, False]

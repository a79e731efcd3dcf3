"""The planner: whatever files appear when, each is taken in once, and the memory of them stays small."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from health_streaming.incremental.plan import LOOKBACK, MAX_FILES, State, advanced, listing_start, new_files
from hypothesis import given
from hypothesis import strategies as st

DAY_0 = date(2026, 11, 20)


def _key(day: date, hour: int, partition: int, first: int) -> str:
    return f"ingest_date={day}/hour={hour:02d}/part-{partition}-{first}-{first + 9}.parquet"


_keys = st.builds(
    _key,
    st.integers(0, 6).map(lambda days: DAY_0 + timedelta(days=days)),
    st.integers(0, 23),
    st.integers(0, 2),
    st.integers(0, 500),
)
_seen = st.dictionaries(st.sampled_from(["vitals", "gps"]), st.frozensets(_keys), max_size=2)


@given(_seen, st.lists(st.text("abc:/=", min_size=1), max_size=4))
def test_a_state_survives_its_writing(seen: dict[str, frozenset[str]], superseded: list[str]) -> None:
    state = State("20261122T100000", {table: keys for table, keys in seen.items() if keys}, tuple(superseded))
    assert State.from_json(state.to_json()) == state


def test_a_state_of_another_version_means_to_begin_anew() -> None:
    assert State.from_json(State("x").to_json().replace(b'"version": 1', b'"version": 0')) is None


@given(st.lists(st.tuples(st.sets(_keys, max_size=8), st.booleans()), max_size=8), st.integers(1, 5))
def test_every_file_is_taken_in_once_whatever_the_order_and_the_crashes(
    arrivals: list[tuple[set[str], bool]], limit: int
) -> None:
    """Files appear in any order within the look-back; a run that crashes leaves no state and is done again."""
    today = DAY_0 + timedelta(days=6)
    lake: set[str] = set()
    taken: list[str] = []
    state = State("run")
    for arriving, crashes in [*arrivals, *[(set[str](), False)] * 80]:
        start = listing_start(state.seen.get("vitals", frozenset()), today)
        lake |= {key for key in arriving if start is None or key >= f"ingest_date={start}"}
        seen = state.seen.get("vitals", frozenset())
        listed = [key for key in lake if start is None or key >= f"ingest_date={start}"]
        files = new_files(listed, seen, limit)
        assert len(files) <= limit
        if files and not crashes:
            taken += files
            state = advanced(state, {"vitals": files}, (), today)
    assert sorted(taken) == sorted(lake)


@given(st.frozensets(_keys, min_size=1), st.integers(0, 8))
def test_the_listing_begins_a_look_back_before_the_newest_file_or_today(seen: frozenset[str], days: int) -> None:
    today = DAY_0 + timedelta(days=days)
    newest = date.fromisoformat(max(seen)[len("ingest_date=") :][:10])
    assert listing_start(seen, today) == min(newest, today) - LOOKBACK


def test_a_clock_in_the_future_hides_nothing() -> None:
    today = date(2026, 11, 22)
    broken, right = _key(date(2099, 1, 1), 0, 0, 0), _key(today, 10, 0, 0)
    state = advanced(State("run"), {"gps": [broken]}, (), today)
    start = listing_start(state.seen["gps"], today)
    assert start is not None
    assert start <= today
    assert new_files([broken, right], state.seen["gps"]) == [right]


def test_what_will_not_be_listed_again_is_forgotten() -> None:
    days = [DAY_0 + timedelta(days=number) for number in range(60)]
    state = State("run")
    for day in days:
        files = [_key(day, hour, 0, hour * 10) for hour in range(24)]
        state = advanced(state, {"vitals": files}, (), day)
    assert len(state.seen["vitals"]) == 24 * 2


def test_a_backlog_is_taken_in_oldest_first_and_by_bites() -> None:
    backlog = [_key(DAY_0, number % 24, 0, number * 10) for number in range(3 * MAX_FILES)]
    assert new_files(backlog, frozenset()) == sorted(backlog)[:MAX_FILES]


@pytest.mark.parametrize("listed", [[], [_key(DAY_0, 1, 0, 0)]])
def test_nothing_new_is_an_empty_plan(listed: list[str]) -> None:
    assert new_files(listed, frozenset([_key(DAY_0, 1, 0, 0)])) == []

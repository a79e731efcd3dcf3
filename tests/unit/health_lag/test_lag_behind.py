"""How far a group is behind: always as old as the oldest record that it has not committed, to a second."""

from __future__ import annotations

import pytest
from health_lag.behind import Behind
from hypothesis import example, given
from hypothesis import strategies as st

NOW_MS = 1_790_000_000_000


@example(gaps=[0, 0, 1001], commits=[0, 1], later=0)  # the record that was kept is committed, its neighbour is not
@given(
    gaps=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    commits=st.lists(st.integers(0, 60), max_size=5),
    later=st.integers(0, 5000),
)
def test_it_is_the_age_of_the_oldest_record_that_is_not_committed(
    gaps: list[int], commits: list[int], later: int
) -> None:
    behind, times, at, reached = Behind(), [], NOW_MS, 0
    commits = sorted(commits)
    behind.committed({})
    for offset, gap in enumerate(gaps):
        at += gap
        times.append(at)
        behind.record(0, offset, at)
        if commits and commits[0] <= offset + 1:
            reached = commits.pop(0)
            behind.committed({0: reached})
    now = at + later
    told = behind.seconds(now)
    assert told is not None
    waiting = times[reached:]
    if not waiting:
        assert told == 0
    else:
        assert (now - waiting[0]) / 1000 - 1 <= told <= (now - waiting[0]) / 1000


def test_nothing_is_said_of_a_group_that_nobody_knows() -> None:
    behind = Behind()
    behind.record(0, 0, NOW_MS)
    assert behind.seconds(NOW_MS) is None


def test_the_worst_partition_counts_and_one_that_was_never_committed_is_behind_from_its_first_record() -> None:
    behind = Behind()
    for partition in (0, 1):
        for offset in range(10):
            behind.record(partition, offset, NOW_MS + 1000 * offset)
    behind.committed({0: 10})
    assert behind.seconds(NOW_MS + 12_000) == pytest.approx(12)
    behind.committed({0: 10, 1: 7})
    assert behind.seconds(NOW_MS + 12_000) == pytest.approx(5)
    behind.committed({0: 10, 1: 10})
    assert behind.seconds(NOW_MS + 12_000) == 0


def test_a_long_standstill_keeps_the_oldest() -> None:
    behind = Behind()
    behind.committed({0: 0})
    for offset in range(200_000):
        behind.record(0, offset, NOW_MS + 1000 * offset)
    assert behind.seconds(NOW_MS + 200_000_000) == pytest.approx(200_000)

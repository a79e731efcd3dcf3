"""Schedules in Glue's words: due when cron says so, or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cronsim import CronSim
from health_catalog.etl.schedule import ScheduleError, glue_schedule
from hypothesis import example, given
from hypothesis import strategies as st

_START = datetime(2026, 11, 22, tzinfo=UTC)
_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/20 * * * *", "cron(0,20,40 * * * ? *)"),
        ("0 3 * * *", "cron(0 3 * * ? *)"),
        ("0,58 3 * * *", "cron(0,58 3 * * ? *)"),
        ("15 */6 1 jan-mar *", "cron(15 0,6,12,18 1 1,2,3 ? *)"),
        ("0 3 * * 1-5", "cron(0 3 ? * MON,TUE,WED,THU,FRI *)"),
        ("0 3 * * 0,7", "cron(0 3 ? * SUN *)"),
        ("0 3 * * 0-7", "cron(0 3 * * ? *)"),
        ("@every 30m", "cron(0,30 * * * ? *)"),
        ("@every 12h", "cron(0 0,12 * * ? *)"),
        ("@every 3600s", "cron(0 * * * ? *)"),
    ],
)
def test_as_glue_has_it(text: str, expected: str) -> None:
    assert glue_schedule(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *", "0,58 * * * *", "0 3 1 * 1", "0 3 L * *", "0 3 * *", "61 * * * *", "5-1 * * * *", "nonsense",
        "@every 30s", "@every 1m", "@every 7m", "@every 5h", "@every 90m", "@every day", "0 3 * * MON#1", "a b c d e",
    ],
)  # fmt: skip
def test_what_glue_cannot_is_refused_and_shown(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        glue_schedule(text)
    assert repr(text) in str(refused.value)


def _field(first: int, last: int) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.integers(1, 12).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), steps, st.lists(st.one_of(number.map(str), ranges), min_size=1).map(",".join))


@example("0", "3", "1", "*", "0-6")
@example("0", "3", "1-31", "*", "1")
@given(_field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 7))
def test_it_is_due_when_cron_says_so(minute: str, hour: str, day: str, month: str, weekday: str) -> None:
    text = f"{minute} {hour} {day} {month} {weekday}"
    try:
        found = glue_schedule(text)
    except ScheduleError as error:
        assert "5 minutes" in str(error) or "not both" in str(error)
        return
    theirs = found.removeprefix("cron(").removesuffix(")").split()
    assert len(theirs) == 6
    assert (theirs[2] == "?") != (theirs[4] == "?")
    times = CronSim(text, _START)
    due = [next(times) for _ in range(20)]
    assert all(later - sooner >= timedelta(minutes=5) for sooner, later in pairwise(due))
    for moment in due:
        values = [moment.minute, moment.hour, moment.day, moment.month, _NAMES[moment.isoweekday() % 7]]
        assert all(
            listed in "*?" or str(value) in listed.split(",") for value, listed in zip(values, theirs[:5], strict=True)
        )

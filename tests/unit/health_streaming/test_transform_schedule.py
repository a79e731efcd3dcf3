"""Schedules: when a run is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from health_streaming.incremental.schedule import ScheduleError, parse_schedule

START = datetime(2026, 11, 22, 10, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("@every 30s", datetime(2026, 11, 22, 10, 3, 50, tzinfo=UTC)),
        ("@every 2h", datetime(2026, 11, 22, 12, 3, 20, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2026, 11, 22, 10, 5, tzinfo=UTC)),
        ("0 3 * * MON", datetime(2026, 11, 23, 3, 0, tzinfo=UTC)),
    ],
)
def test_the_next_run_is_due(schedule: str, due: datetime) -> None:
    assert parse_schedule(schedule)(START) == due


@pytest.mark.parametrize("schedule", ["@every soon", "@every 5", "* * * *", "61 * * * *", "now"])
def test_a_wrong_schedule_is_shown_with_how_to_write_one(schedule: str) -> None:
    with pytest.raises(ScheduleError, match=r"write five cron fields or '@every 30s'") as error:
        parse_schedule(schedule)
    assert repr(schedule) in str(error.value)

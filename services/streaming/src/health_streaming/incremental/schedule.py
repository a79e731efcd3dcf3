"""When the next run is due: ``@every 30s`` or cron (five fields, UTC)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError
from health_pipeline.quantities import Duration

Schedule = Callable[[datetime], datetime]

_EVERY = "@every "


class ScheduleError(ValueError):
    """A schedule cannot be read; the message shows it and says how to write one."""


def parse_schedule(text: str) -> Schedule:
    """A function from a run's start to the next one's; ScheduleError for what is neither."""
    try:
        if text.startswith(_EVERY):
            interval = timedelta(milliseconds=Duration.parse(text.removeprefix(_EVERY)))
            return lambda start: start + interval
        CronSim(text, datetime.now(UTC))
    except (ValueError, CronSimError) as error:
        raise ScheduleError(f"not a schedule: {text!r} ({error}); write five cron fields or '@every 30s'") from error
    return lambda start: next(CronSim(text, start))

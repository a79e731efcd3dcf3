"""When the next run is due: ``@every 30s`` or cron (five fields, UTC)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError
from health_pipeline.quantities import Duration

Schedule = Callable[[datetime], datetime]

_EVERY = "@every "


def parse_schedule(text: str) -> Schedule:
    """A function from a run's start to the next one's; ValueError, saying what is wrong, for what is neither."""
    if text.startswith(_EVERY):
        interval = timedelta(seconds=Duration.parse(text.removeprefix(_EVERY)).seconds)
        return lambda start: start + interval
    try:
        CronSim(text, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"not a schedule: {text!r} ({error}); write five cron fields or '@every 30s'") from error
    return lambda start: next(CronSim(text, start))

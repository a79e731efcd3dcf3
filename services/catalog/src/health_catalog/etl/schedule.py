"""A schedule as the spec has it, in Glue's words; pure.

Glue's cron has six fields, counts days of the week from 1 (SUN), takes a day of the month or of the week but not both,
and nothing that is due more often than every five minutes (Glue's developer guide, "Time-based schedules for jobs and
crawlers"). Every field is written out as a list, so that no more of Glue's dialect is relied on than commas.
"""

from __future__ import annotations

import re
from itertools import pairwise

from health_pipeline.quantities import Duration

_EVERY = "@every "
_LEAST_MINUTES, _HOUR, _DAY = 5, 60, 24
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NUMBERS = {name: number for number, name in enumerate(_DAYS)} | {name: at for at, name in enumerate(_MONTHS, start=1)}
_ITEM = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/([1-9]\d*))?", re.ASCII)
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class ScheduleError(ValueError):
    """Glue has no such schedule; the message shows it and says why."""


def glue_schedule(text: str) -> str:
    """``cron(...)`` for five cron fields (UTC) or ``@every 10m``; ScheduleError."""
    try:
        fields = _every(text.removeprefix(_EVERY)) if text.startswith(_EVERY) else text.split()
        minutes, hours, days, months, weekdays = (
            _expanded(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)
        )
        _refuse_haste(minutes, is_hourly=len(hours) > 1)
        if not (fields[2].startswith("*") or fields[4].startswith("*")):
            days, weekdays = _either(days, weekdays)
        return f"cron({_listed(minutes, 0)} {_listed(hours, 1)} {_days(days, months, weekdays)} *)"
    except ValueError as error:
        raise ScheduleError(f"Glue cannot run on the schedule {text!r}: {error}") from error


def _every(text: str) -> list[str]:
    """Only what divides an hour or a day: a cron begins anew with each."""
    minutes, rest = divmod(Duration.parse(text), 60_000)
    hours, over = divmod(minutes, _HOUR)
    if not rest and minutes and _HOUR % minutes == 0:
        return [f"*/{minutes}", "*", "*", "*", "*"]
    if not (rest or over) and hours and _DAY % hours == 0:
        return ["0", f"*/{hours}", "*", "*", "*"]
    raise ValueError("an interval must divide an hour or a day")


def _expanded(field: str, first: int, last: int) -> list[int]:
    found: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        if not match:
            raise ValueError(f"{item!r} is not understood")
        begin, end, step = match.groups()
        low = first if begin == "*" else _number(begin)
        high = _number(end) if end else last if begin == "*" or step else low
        if not first <= low <= high <= last:
            raise ValueError(f"{item!r} is not within {first}-{last}")
        found |= set(range(low, high + 1, int(step or 1)))
    return sorted(found)


def _number(text: str) -> int:
    return _NUMBERS[text.upper()] if text.upper() in _NUMBERS else int(text)


def _refuse_haste(minutes: list[int], *, is_hourly: bool) -> None:
    around = [*minutes, minutes[0] + _HOUR] if is_hourly else minutes
    if any(later - sooner < _LEAST_MINUTES for sooner, later in pairwise(around)):
        raise ValueError(f"it starts nothing more often than every {_LEAST_MINUTES} minutes")


def _either(days: list[int], weekdays: list[int]) -> tuple[list[int], list[int]]:
    """Where both are told, cron takes a day that is in one of them: every day, if one of them has all."""
    every_day, every_weekday = list(range(1, 32)), list(range(7))
    is_daily = days == every_day or {day % len(_DAYS) for day in weekdays} == set(every_weekday)
    return (every_day, every_weekday) if is_daily else (days, weekdays)


def _days(days: list[int], months: list[int], weekdays: list[int]) -> str:
    of_week = sorted({day % len(_DAYS) for day in weekdays})
    if len(of_week) == len(_DAYS):
        return f"{_listed(days, 2)} {_listed(months, 3)} ?"
    if _listed(days, 2) != "*":
        raise ValueError("it takes a day of the month or of the week, not both")
    return f"? {_listed(months, 3)} {','.join(_DAYS[day] for day in of_week)}"


def _listed(values: list[int], field: int) -> str:
    first, last = _BOUNDS[field]
    return "*" if len(values) == last - first + 1 else ",".join(map(str, values))

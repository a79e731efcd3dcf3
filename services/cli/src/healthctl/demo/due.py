"""Which tables a pipeline has, and which of them a run must have left rows in; pure.

What a pipeline has no source for has no table, and what nothing was made of may be empty: no dead letters where no
record is broken, no alerts where nobody is ill. That none of these is lost, the accounts tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from health_events import ALERTS, CAMERAS, DEAD_LETTERS, DISPATCHES, EMERGENCIES, GPS, VEHICLES, VITALS, WEATHER

# Of every pipeline, whatever its sources.
_OWN = (ALERTS.name, DISPATCHES.name)
_RENAMED = {VEHICLES.name: "vehicle_positions"}
# Tables that are made of others, by the events of these.
_DERIVED = {
    "vitals_minute": (VITALS.name,),
    "dispatch_outcomes": _OWN,
    "city_hourly": (WEATHER.name, GPS.name, CAMERAS.name, EMERGENCIES.name, *_OWN),
}


def tables_of(sources: Collection[str]) -> list[str]:
    """Every table of a pipeline with these sources, as ``raw.vitals``."""
    raw = [f"raw.{name}" for name in (*sources, *_OWN, DEAD_LETTERS.name)]
    return [*raw, *(made for made, _ in _made(sources))]


def twins(sources: Collection[str]) -> list[tuple[str, str]]:
    """(raw, transformed) for each table of the transformed zone that has the events of one raw table, each once."""
    return [(f"raw.{name}", f"transformed.{_RENAMED.get(name, name)}") for name in (*sources, *_OWN)]


def empty_tables(rows: Mapping[str, int], sources: Collection[str]) -> Iterator[str]:
    """Tables without rows that must have some: those of the sources, and what is made of a table that has rows.

    ``rows`` holds ``tables_of(sources)``.
    """
    yield from (f"raw.{name}" for name in sources if not rows[f"raw.{name}"])
    yield from (made for made, inputs in _made(sources) if not rows[made] and any(rows[each] for each in inputs))


def _made(sources: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """The transformed zone's tables, each with the raw tables that it is made of."""
    yield from ((made, [raw]) for raw, made in twins(sources))
    for name, events in _DERIVED.items():
        inputs = [f"raw.{event}" for event in events if event in (*sources, *_OWN)]
        if inputs:
            yield f"transformed.{name}", inputs

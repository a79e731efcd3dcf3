"""Incidents: one after the other at each of a number of places in the day, more of them when the weather is bad."""

from __future__ import annotations

from typing import Any

import numpy as np
from health_events import INCIDENT_SEVERITIES

from health_simulator import chance
from health_simulator.chance import Floats
from health_simulator.city import City, anywhere
from health_simulator.weather import Weather

_KINDS = ("accident", "fire", "medical", "flood", "crime", "hazard")
_FINE_WEIGHTS = np.array([0.22, 0.1, 0.38, 0.01, 0.22, 0.07])
_STORM_WEIGHTS = np.array([0.42, 0.06, 0.2, 0.14, 0.06, 0.12])
_SEVERITY_WEIGHTS = (0.45, 0.35, 0.15, 0.05)  # of INCIDENT_SEVERITIES
_STATUSES = ("reported", "active", "resolved")
_REPORTED_S, _ACTIVE_S, _QUIET_S = (20, 90), (120, 900), (120, 1200)
_TEXTS = {
    "accident": "Collision between vehicles, lanes closed",
    "fire": "Smoke and flames from a building",
    "medical": "Person collapsed, first aid under way",
    "flood": "Water over the roadway",
    "crime": "Disturbance reported, police asked for",
    "hazard": "Debris and fallen branches on the road",
}
_ACCIDENT = _KINDS.index("accident")


class Incidents:
    """Each entity is a line of incidents: reported, active, resolved, quiet, then the next one elsewhere.

    A line depends on the seed and its number alone, so all who look at a city's incidents see the same ones.
    """

    def __init__(self, ids: range, city: City, weather: Weather) -> None:
        self._first, self._city, self._weather = ids.start, city, weather
        count = len(ids)
        self._number = np.zeros(count, dtype=np.int64)
        self._active_at, self._resolved_at, self._next_at = np.zeros((3, count))
        self._x, self._y = np.zeros((2, count))
        self._kind, self._severity, self._status = np.zeros((3, count), dtype=np.int64)
        self._names, self._texts = [""] * count, [""] * count
        for line in range(count):
            self._begin(line, 0.0)

    def advance(self, at_s: float) -> None:
        """Go on to that moment."""
        while True:
            over = np.flatnonzero(self._next_at <= at_s)
            if not len(over):
                break
            for line in over.tolist():
                self._number[line] += 1
                self._begin(line, float(self._next_at[line]))
        self._status = (at_s >= self._active_at).astype(np.int64) + (at_s >= self._resolved_at)

    def accidents(self) -> tuple[Floats, Floats]:
        """Where (km) an accident blocks the road now."""
        blocking = (self._kind == _ACCIDENT) & (self._status < _STATUSES.index("resolved"))
        return self._x[blocking], self._y[blocking]

    def columns(self, part: slice) -> dict[str, list[Any]]:
        """The reports on some of the lines."""
        latitude, longitude = self._city.degrees(self._x[part], self._y[part])
        return {
            "entity_id": self._names[part],
            "latitude": latitude.tolist(),
            "longitude": longitude.tolist(),
            "kind": [_KINDS[kind] for kind in self._kind[part].tolist()],
            "severity": [INCIDENT_SEVERITIES[severity] for severity in self._severity[part].tolist()],
            "status": [_STATUSES[status] for status in self._status[part].tolist()],
            "description": self._texts[part],
        }

    def _begin(self, line: int, at_s: float) -> None:
        number = int(self._number[line])
        rng = chance.stream(self._city.seed, "incident", self._first + line, number)
        storminess = self._weather.at(at_s).storminess
        (x,), (y,) = anywhere(rng, 1)
        weights = (1 - storminess) * _FINE_WEIGHTS + storminess * _STORM_WEIGHTS
        kind = int(rng.choice(len(_KINDS), p=weights / weights.sum()))
        reported, active, quiet = (float(rng.uniform(*bounds)) for bounds in (_REPORTED_S, _ACTIVE_S, _QUIET_S))
        # The city does not begin its day with everything happening at once: the first ones are on their way already.
        begun = at_s if number else at_s - float(rng.uniform(0, reported + active))
        self._x[line], self._y[line], self._kind[line] = x, y, kind
        self._severity[line] = rng.choice(len(INCIDENT_SEVERITIES), p=_SEVERITY_WEIGHTS)
        self._active_at[line] = begun + reported
        self._resolved_at[line] = begun + reported + active
        unrest = self._weather.at(float(self._resolved_at[line])).storminess
        self._next_at[line] = self._resolved_at[line] + quiet * (1 - 0.9 * unrest)
        self._names[line] = f"incident-{self._first + line:06}-{number}"
        self._texts[line] = _TEXTS[_KINDS[kind]]

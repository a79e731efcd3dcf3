"""Ordinary traffic: tracked cars, buses, trucks and bicycles, and the cameras that count what passes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from health_simulator import chance
from health_simulator.chance import Floats
from health_simulator.city import City, anywhere
from health_simulator.incidents import Incidents
from health_simulator.roads import Drivers
from health_simulator.weather import Weather

_TYPES, _TYPE_WEIGHTS = ("car", "bus", "truck", "bicycle"), (0.6, 0.15, 0.1, 0.15)
_TYPE_KMH = np.array([32.0, 20.0, 26.0, 16.0])
_PAUSE_S = 60.0  # how long a tracker stands where it wanted to go, on average

# Cameras see the incidents of this many lines, as many as a city's emergency feed usually has.
_WATCHED = range(20)
_FREE_KMH, _FLOW_PER_MINUTE = (28, 50), (4, 45)
_JAM_KM = 0.6  # how far an accident is felt


class Trackers:
    """A block of tracked vehicles: each drives somewhere, stands a while, drives on. Rain slows them down."""

    def __init__(self, ids: range, city: City, weather: Weather) -> None:
        self._city, self._weather = city, weather
        self._rng = rng = chance.stream(city.seed, "gps", ids.start)
        self._at_s, count = 0.0, len(ids)
        self._ids = [f"tracker-{number:06}" for number in ids]
        self._drivers = Drivers(city, *city.crossing(*anywhere(rng, count)))
        self._drivers.send(np.arange(count), *anywhere(rng, count))
        kinds = rng.choice(len(_TYPES), count, p=_TYPE_WEIGHTS)
        self._types = [_TYPES[kind] for kind in kinds.tolist()]
        self._usual = _TYPE_KMH[kinds] * rng.uniform(0.8, 1.2, count)
        self._noise: Floats = np.zeros(count)
        self._speed: Floats = np.zeros(count)

    def advance(self, at_s: float) -> None:
        """Go on to that moment."""
        dt_s, self._at_s = at_s - self._at_s, at_s
        leaves = self._rng.random(len(self._ids)) < chance.share(dt_s, _PAUSE_S)
        who = np.flatnonzero(self._drivers.arrived & leaves)
        if len(who):
            self._drivers.send(who, *anywhere(self._rng, len(who)))
        self._noise = chance.wander(self._rng, self._noise, dt_s, 30, 0.15)
        kmh = self._usual * (1 + self._noise).clip(0.3, 1.6) * self._weather.at(at_s).road_speed
        self._speed = np.where(self._drivers.advance(kmh * dt_s / 3600) > 0, kmh, 0.0)

    def columns(self, part: slice) -> dict[str, list[Any]]:
        """The positions of some of the trackers."""
        latitude, longitude = self._city.degrees(self._drivers.x[part], self._drivers.y[part])
        return {
            "entity_id": self._ids[part],
            "latitude": latitude.tolist(),
            "longitude": longitude.tolist(),
            "speed_kmh": self._speed[part].round(1).tolist(),
            "heading_deg": self._drivers.heading[part].tolist(),
            "vehicle_type": self._types[part],
        }


class Cameras:
    """A block of cameras: rain slows what passes them, an accident nearby slows and thins it."""

    def __init__(self, ids: range, city: City, weather: Weather) -> None:
        self._weather, self._incidents = weather, Incidents(_WATCHED, city, weather)
        self._rng = rng = chance.stream(city.seed, "cameras", ids.start)
        self._at_s, count = 0.0, len(ids)
        self._ids = [f"camera-{number:06}" for number in ids]
        self._x, self._y = city.spread(ids)
        latitude, longitude = city.degrees(self._x, self._y)
        self._latitude, self._longitude = latitude.tolist(), longitude.tolist()
        self._usual_flow = rng.uniform(*_FLOW_PER_MINUTE, count)
        self._free_kmh = rng.uniform(*_FREE_KMH, count)
        self._noise: Floats = np.zeros((2, count))
        self.flow, self.speed = self._usual_flow, self._free_kmh

    def advance(self, at_s: float) -> None:
        """Go on to that moment."""
        dt_s, self._at_s = at_s - self._at_s, at_s
        self._incidents.advance(at_s)
        self._noise = chance.wander(self._rng, self._noise, dt_s, 45, 0.12)
        jam = self.jam()
        roads = self._weather.at(at_s).road_speed
        self.flow = (self._usual_flow * (1 + self._noise[0]) * (1 - 0.5 * jam)).clip(0, 200).round(1)
        self.speed = (self._free_kmh * (1 + self._noise[1]) * roads * (1 - 0.8 * jam)).clip(1, 130).round(1)

    def jam(self) -> Floats:
        """How much each camera's street suffers from the nearest accident: 0 not at all, 1 fully."""
        x, y = self._incidents.accidents()
        if not len(x):
            return np.zeros(len(self._ids))
        square = (self._x[:, None] - x) ** 2 + (self._y[:, None] - y) ** 2
        jam: Floats = np.exp(-square.min(axis=1) / _JAM_KM**2)
        return jam

    def columns(self, part: slice) -> dict[str, list[Any]]:
        """The counts of some of the cameras."""
        flow, second = self.flow[part].tolist(), int(self._at_s)
        speed = self.speed[part].tolist()
        return {
            "entity_id": self._ids[part],
            "latitude": self._latitude[part],
            "longitude": self._longitude[part],
            "vehicles_per_minute": flow,
            "mean_speed_kmh": [kmh if cars else None for kmh, cars in zip(speed, flow, strict=True)],
            "snapshot_uri": [f"https://cameras.example/{name}/{second}.jpg" for name in self._ids[part]],
        }

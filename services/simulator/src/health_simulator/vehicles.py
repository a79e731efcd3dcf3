"""Emergency vehicles: they cruise near their base, drive to a patient when ordered, and come back free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from health_events import VEHICLES
from health_pipeline.settings import ServiceArea
from numpy.typing import NDArray

from health_simulator import chance
from health_simulator.areas import areas_of
from health_simulator.chance import Floats
from health_simulator.city import City
from health_simulator.roads import Drivers
from health_simulator.weather import Weather

_STATUSES = VEHICLES.field("status").values
_IDLE, _DISPATCHED, _ON_SCENE, _RETURNING = (
    _STATUSES.index(status) for status in ("idle", "dispatched", "on_scene", "returning")
)
_KINDS, _KIND_WEIGHTS = ("ambulance", "rapid_response", "fire", "police"), (0.6, 0.2, 0.1, 0.1)
_CRUISE_KMH, _BLUE_LIGHT_KMH = (22, 38), (55, 75)
_BEAT_KM = 1.0  # how far from its base an idle vehicle cruises, each way
_STAND_BY_S = (20, 120)
# Much shorter than in life (London: about half an hour), so that vehicles come back free within a demo.
_ON_SCENE_S, _RETURNING_S = (20, 40), (8, 15)


@dataclass(frozen=True)
class Order:
    """Drive to a patient."""

    vehicle_id: str
    dispatch_id: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Release:
    """That dispatch is over, whatever the vehicle is doing about it."""

    vehicle_id: str
    dispatch_id: str


class Vehicles:
    """A block of vehicles, all advanced at once. Without orders what they do depends on the seed alone.

    Each belongs to the service area that its base is in.
    """

    def __init__(self, ids: range, city: City, weather: Weather, areas: Sequence[ServiceArea] = ()) -> None:
        self._city, self._weather = city, weather
        self._rng = rng = chance.stream(city.seed, "vehicles", ids.start)
        self._at_s, count = 0.0, len(ids)
        self._ids = [vehicle_id(number) for number in ids]
        self._base_x, self._base_y = city.spread(ids)
        latitude, longitude = city.degrees(self._base_x, self._base_y)
        self._areas = areas_of(areas, longitude, latitude)
        self._drivers = Drivers(city, self._base_x, self._base_y)
        self._kinds = [_KINDS[kind] for kind in rng.choice(len(_KINDS), count, p=_KIND_WEIGHTS).tolist()]
        self._cruise, self._hurry = rng.uniform(*_CRUISE_KMH, count), rng.uniform(*_BLUE_LIGHT_KMH, count)
        self._status = np.full(count, _IDLE)
        self._until = rng.uniform(0, _STAND_BY_S[1], count)  # when what it does now is over
        self._speed: Floats = np.zeros(count)
        self._dispatches: list[str | None] = [None] * count
        self._dispatched_at: list[int | None] = [None] * count

    def order(self, place: int, order: Order, now_ms: int) -> None:
        """Take on a dispatch. The newest order counts; the one taken last is not taken twice."""
        if self._dispatches[place] == order.dispatch_id:
            return
        who = np.array([place])
        x, y = self._city.kilometres(order.latitude, order.longitude)
        self._drivers.send(who, np.array([x]), np.array([y]))
        self._status[who] = _DISPATCHED
        self._dispatches[place], self._dispatched_at[place] = order.dispatch_id, now_ms

    def release(self, place: int, release: Release) -> None:
        """Be free again, if that dispatch is still being served."""
        if self._dispatches[place] == release.dispatch_id and self._status[place] != _IDLE:
            self._stand_by(np.array([place]))

    def advance(self, at_s: float) -> None:
        """Go on to that moment."""
        dt_s, self._at_s = at_s - self._at_s, at_s
        self._change_status(at_s)
        urgent = self._status == _DISPATCHED
        roads = self._weather.at(at_s).road_speed
        kmh = np.where(self._status == _ON_SCENE, 0.0, np.where(urgent, self._hurry, self._cruise * roads))
        driven = self._drivers.advance(kmh * dt_s / 3600)
        self._speed = np.where(driven > 0, kmh, 0.0)

    def columns(self, part: slice) -> dict[str, list[Any]]:
        """The reports of some of the vehicles."""
        latitude, longitude = self._city.degrees(self._drivers.x[part], self._drivers.y[part])
        return {
            "entity_id": self._ids[part],
            "latitude": latitude.tolist(),
            "longitude": longitude.tolist(),
            "speed_kmh": self._speed[part].round(1).tolist(),
            "heading_deg": self._drivers.heading[part].tolist(),
            "kind": self._kinds[part],
            "status": [_STATUSES[status] for status in self._status[part].tolist()],
            "area": self._areas[part],
            "dispatch_id": self._dispatches[part],
            "dispatched_at": self._dispatched_at[part],
        }

    def _change_status(self, at_s: float) -> None:
        arrived, over = self._drivers.arrived, at_s >= self._until
        reached = np.flatnonzero((self._status == _DISPATCHED) & arrived)
        leaving = np.flatnonzero((self._status == _ON_SCENE) & over)
        free = np.flatnonzero((self._status == _RETURNING) & over)
        bored = np.flatnonzero((self._status == _IDLE) & arrived & over)
        if len(reached):
            self._enter(reached, _ON_SCENE, _ON_SCENE_S)
        if len(leaving):
            self._enter(leaving, _RETURNING, _RETURNING_S)
            self._drivers.send(leaving, self._base_x[leaving], self._base_y[leaving])
        if len(free):
            self._stand_by(free)
        if len(bored):
            self._enter(bored, _IDLE, _STAND_BY_S)
            away = self._rng.uniform(-_BEAT_KM, _BEAT_KM, (2, len(bored)))
            self._drivers.send(bored, self._base_x[bored] + away[0], self._base_y[bored] + away[1])

    def _stand_by(self, who: NDArray[np.intp]) -> None:
        """Free, and on the way to the base; a call can come at any moment."""
        self._enter(who, _IDLE, _STAND_BY_S)
        self._drivers.send(who, self._base_x[who], self._base_y[who])

    def _enter(self, who: NDArray[np.intp], status: int, seconds: tuple[float, float]) -> None:
        self._status[who] = status
        self._until[who] = self._at_s + self._rng.uniform(*seconds, len(who))


def vehicle_id(number: int) -> str:
    """The name of a vehicle."""
    return f"vehicle-{number:06}"

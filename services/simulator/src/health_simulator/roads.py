"""Driving on the street grid, many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from health_simulator.chance import Floats
from health_simulator.city import City

_NORTH, _EAST, _SOUTH, _WEST = 0.0, 90.0, 180.0, 270.0


class Drivers:
    """Drivers on their way from crossing to crossing, each along one street and then another.

    ``x`` and ``y`` are where they are (km), ``heading`` where they look (degrees clockwise from north).
    """

    def __init__(self, city: City, x: Floats, y: Floats) -> None:
        self._city = city
        self.x, self.y = x.copy(), y.copy()
        self._to_x, self._to_y = x.copy(), y.copy()
        self.heading = np.full(len(x), _NORTH)
        # Between two crossings a driver can only go on along its street, so this is also the axis it moved along last.
        self._x_first = np.ones(len(x), dtype=bool)

    def send(self, who: NDArray[np.intp], x: Floats, y: Floats) -> None:
        """Give these drivers (indexes) the crossing nearest to a point each as their new destination."""
        self._to_x[who], self._to_y[who] = self._city.crossing(x, y)

    @property
    def arrived(self) -> NDArray[np.bool_]:
        """Who is at its destination."""
        there: NDArray[np.bool_] = (self.x == self._to_x) & (self.y == self._to_y)
        return there

    def advance(self, km: Floats) -> Floats:
        """Drive up to ``km`` each; returns how far each has driven."""
        dx, dy = self._to_x - self.x, self._to_y - self.y
        first = np.minimum(km, np.abs(np.where(self._x_first, dx, dy)))
        then = np.minimum(km - first, np.abs(np.where(self._x_first, dy, dx)))
        along_x, along_y = np.where(self._x_first, first, then), np.where(self._x_first, then, first)
        # Set, not added up, on arrival: rounding must not leave anybody beside the crossing.
        self.x = np.where(along_x >= np.abs(dx), self._to_x, self.x + np.copysign(along_x, dx))
        self.y = np.where(along_y >= np.abs(dy), self._to_y, self.y + np.copysign(along_y, dy))
        self._x_first = np.where(then > 0, ~self._x_first, self._x_first)
        ahead = np.where(self._x_first, np.where(dx > 0, _EAST, _WEST), np.where(dy > 0, _NORTH, _SOUTH))
        driven = first + then
        self.heading = np.where(driven > 0, ahead, self.heading)
        return driven

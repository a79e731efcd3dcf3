"""The latest report of every vehicle, kept in columns so that an alert is one vectorised look at all of them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from health_events import DEFAULT_AREA
from numpy.typing import NDArray

from health_dispatch.model import Report

Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

_FIRST_CAPACITY = 256
_Cell = TypeVar("_Cell", bound=np.generic)


class Fleet:
    """A row per vehicle that was ever reported; rows stay where they are. Columns are longer than ``len(self)``."""

    def __init__(self) -> None:
        self._row_of: dict[str, int] = {}
        self._reports: list[Report] = []
        self._areas: dict[str, Rows] = {}
        self.latitude = np.zeros(_FIRST_CAPACITY)
        self.longitude = np.zeros(_FIRST_CAPACITY)
        self.observed_at = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self.is_free = np.zeros(_FIRST_CAPACITY, dtype=np.bool_)
        self.heard_until = 0  # the newest report of any vehicle: how far the fleet's own clock has come

    def __len__(self) -> int:
        return len(self._reports)

    def put(self, report: Report) -> None:
        """Take the vehicle's newest report; whether it could be sent stays as it was (at first: not)."""
        row = self._row_of.get(report.vehicle_id)
        if row is None:
            row = self._add(report)
        elif report.area != self._reports[row].area:
            self._areas.clear()
        self._reports[row] = report
        self.latitude[row] = report.latitude
        self.longitude[row] = report.longitude
        self.observed_at[row] = report.observed_at
        self.heard_until = max(self.heard_until, report.observed_at)

    def set_free(self, vehicle_id: str, is_free: bool) -> None:
        """Say whether a vehicle could be sent; nothing when it has never been reported."""
        row = self._row_of.get(vehicle_id)
        if row is not None:
            self.is_free[row] = is_free

    def report(self, vehicle_id: str) -> Report | None:
        """The vehicle's newest report."""
        row = self._row_of.get(vehicle_id)
        return None if row is None else self._reports[row]

    def row(self, vehicle_id: str) -> int | None:
        """Where the vehicle is in the columns."""
        return self._row_of.get(vehicle_id)

    def at(self, row: int) -> Report:
        """The newest report of the vehicle in that row."""
        return self._reports[row]

    def of_area(self, area: str) -> Rows:
        """The rows of an area's vehicles, ordered by vehicle id: the first of equals is the same after a restart."""
        if area not in self._areas:
            ours = [(report.vehicle_id, row) for row, report in enumerate(self._reports) if area_of(report) == area]
            self._areas[area] = np.array([row for _, row in sorted(ours)], dtype=np.intp)
        return self._areas[area]

    def _add(self, report: Report) -> int:
        row = len(self._reports)
        if row == len(self.latitude):
            self.latitude, self.longitude = _doubled(self.latitude), _doubled(self.longitude)
            self.observed_at, self.is_free = _doubled(self.observed_at), _doubled(self.is_free)
        self._row_of[report.vehicle_id] = row
        self._reports.append(report)
        self._areas.clear()
        return row


def area_of(report: Report) -> str:
    """The service area that the vehicle belongs to."""
    return report.area or DEFAULT_AREA


def _doubled(column: NDArray[_Cell]) -> NDArray[_Cell]:
    return np.concatenate((column, np.zeros_like(column)))

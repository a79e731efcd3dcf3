"""Which vehicle, and the story of why: one pass's look at the fleet; pure."""

from __future__ import annotations

import numpy as np

from health_dispatch.fleet import Flags, Fleet, Rows
from health_dispatch.geo import Floats, haversine_km
from health_dispatch.model import Alert, Candidate, Limits

CANDIDATES = 5  # how many are told of in a decision's story


class Look:
    """The fleet at one moment, with the vehicles taken and freed in the course of a pass."""

    def __init__(self, fleet: Fleet, now: int, limits: Limits) -> None:
        self._fleet, self._now, self._limits = fleet, now, limits
        self._is_free: Flags = fleet.is_free.copy()
        self._is_fresh: Flags = now - fleet.observed_at <= limits.position_ttl

    def set_free(self, vehicle_id: str, is_free: bool) -> None:
        """Take a vehicle or give it back, in this pass only."""
        row = self._fleet.row(vehicle_id)
        if row is not None:
            self._is_free[row] = is_free

    def nearest(self, alert: Alert) -> int | None:
        """The row of the vehicle to send: free, fresh, in the alert's area and inside the radius; None if none is."""
        rows = self._fleet.of_area(alert.area)
        rows = rows[self._is_free[rows] & self._is_fresh[rows]]
        if rows.size == 0:
            return None
        distances = self._distances(alert, rows)
        best = int(np.argmin(distances))  # of equals the first, which has the lowest vehicle id
        return int(rows[best]) if distances[best] <= self._limits.radius_km else None

    def distance_km(self, alert: Alert, row: int) -> float:
        """From the patient to the vehicle in that row."""
        return float(self._distances(alert, np.array([row]))[0])

    def candidates(self, alert: Alert, chosen: int | None) -> tuple[Candidate, ...]:
        """The nearest vehicles with their verdicts, nearest first; the chosen one is always among them."""
        rows = self._fleet.of_area(alert.area)
        distances = self._distances(alert, rows)
        order = np.argsort(distances, kind="stable")
        shown = [int(index) for index in order[:CANDIDATES]]
        if chosen is not None and chosen not in rows[shown]:
            shown[-1] = int(np.flatnonzero(rows == chosen)[0])
        return tuple(self._candidate(int(rows[index]), float(distances[index]), chosen) for index in shown)

    def why_none(self, alert: Alert) -> str:
        """The sentence that says why nobody goes."""
        rows = self._fleet.of_area(alert.area)
        if rows.size == 0:
            return f"area {alert.area} has no vehicle that can take a patient"
        is_fresh = self._is_fresh[rows]
        is_able = is_fresh & self._is_free[rows]
        is_far = self._distances(alert, rows) > self._limits.radius_km
        stale, busy = int(np.sum(~is_fresh)), int(np.sum(is_fresh & ~is_able))
        far, late = int(np.sum(is_able & is_far)), int(np.sum(is_able & ~is_far))
        counts = {
            f"{busy} busy": busy,
            f"{stale} not heard of for {self._limits.position_ttl / 1000:g} s": stale,
            f"{far} farther than {self._limits.radius_km:g} km": far,
            f"{late} in reach, but the time to try is over": late,
        }
        said = ", ".join(text for text, count in counts.items() if count)
        return f"none of the {rows.size} vehicles of area {alert.area} can go: {said}"

    def _distances(self, alert: Alert, rows: Rows) -> Floats:
        fleet = self._fleet
        exact = haversine_km(alert.latitude, alert.longitude, fleet.latitude[rows], fleet.longitude[rows])
        # To the millimetre, far below what a position knows: so a tie is a tie on every CPU.
        return np.round(exact, 6)

    def _candidate(self, row: int, distance_km: float, chosen: int | None) -> Candidate:
        report = self._fleet.at(row)
        age_s = max(0, self._now - report.observed_at) / 1000
        return Candidate(report.vehicle_id, distance_km, age_s, self._verdict(row, distance_km, chosen))

    def _verdict(self, row: int, distance_km: float, chosen: int | None) -> str:
        if row == chosen:
            return "chosen"
        if not self._is_fresh[row]:
            return "stale"
        if not self._is_free[row]:
            return "busy"
        if distance_km > self._limits.radius_km:
            return "out_of_radius"
        return "too_late" if chosen is None else "farther"  # who looks for the nearest in time chooses one

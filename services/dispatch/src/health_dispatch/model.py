"""What dispatch thinks in: reports, alerts, decisions. Times are UTC milliseconds, distances kilometres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from health_events import CLOCK_MARGIN_MS
from health_pipeline.settings import DispatchSettings

# A vital sign calls for somebody who can treat a patient; fire engines and police cars are not sent for it.
PATIENT_KINDS = frozenset({"ambulance", "rapid_response"})

_Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
_Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class Report(msgspec.Struct, frozen=True, gc=False):
    """What dispatch reads of a record of the contract's VEHICLES."""

    observed_at: int
    latitude: _Latitude
    longitude: _Longitude
    kind: str
    status: str
    vehicle_id: str = msgspec.field(name="entity_id")
    area: str | None = None
    dispatch_id: str | None = None


class Alert(msgspec.Struct, frozen=True, gc=False):
    """What dispatch reads of a record of the contract's ALERTS; a record of DISPATCHES carries as much again."""

    observed_at: int
    latitude: _Latitude
    longitude: _Longitude
    area: str
    metric: str
    value: float
    rule: str
    severity: str
    alert_id: str = msgspec.field(name="event_id")
    patient_id: str = msgspec.field(name="entity_id")
    canary: bool | None = None


@dataclass(frozen=True)
class Candidate:
    """A vehicle that was looked at, and why it was taken or not (values of the contract)."""

    vehicle_id: str
    distance_km: float
    position_age_s: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided about an alert; the fields mean what they mean in the contract's DISPATCHES."""

    outcome: str
    reason: str
    alert: Alert
    decided_at: int
    dispatch_id: str | None = None
    vehicle_id: str | None = None
    distance_km: float | None = None
    vehicle_latitude: float | None = None
    vehicle_longitude: float | None = None
    candidates: tuple[Candidate, ...] = ()
    retry_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The user's bounds on what may be decided. Distances in km, times in ms."""

    radius_km: float
    position_ttl: int
    patient_cooldown: int
    retry_for: int
    ack_timeout: int
    alert_ttl: int

    @classmethod
    def of(cls, settings: DispatchSettings) -> Limits:
        """The same, out of the settings' seconds."""
        return cls(
            radius_km=settings.radius_km,
            position_ttl=round(settings.position_ttl_s * 1000),
            patient_cooldown=round(settings.patient_cooldown_s * 1000),
            retry_for=round(settings.retry_for_s * 1000),
            ack_timeout=round(settings.ack_timeout_s * 1000),
            alert_ttl=round(settings.alert_ttl_s * 1000),
        )

    @property
    def memory(self) -> int:
        """How far back a decision by itself can matter to the next one, in ms.

        A patient's last dispatch matters for the cool-down, a waiting alert until it is given up. An alert id must be
        known as long as the alert, sent again, would be young enough to be acted on; it cannot have been decided before
        it was observed, but for clocks that disagree, which the margin is for.
        """
        return max(self.patient_cooldown, self.retry_for, self.ack_timeout, self.alert_ttl) + CLOCK_MARGIN

    def decided_since(self, now: int, oldest: int | None) -> int:
        """The moment from which on decisions must be read to rebuild the state.

        ``oldest`` is when the oldest of what is open or waits was decided: it matters until it ends, however old it is.
        """
        return min(now - self.memory, now if oldest is None else oldest - CLOCK_MARGIN)

    def heard_since(self, now: int) -> int:
        """The moment from which on reports must be read: older ones tell no position and no acknowledgement."""
        return now - max(self.position_ttl, self.ack_timeout) - REPORT_MARGIN


CLOCK_MARGIN = CLOCK_MARGIN_MS
REPORT_MARGIN = 10 * 1000  # ms that a report may have taken to Kafka

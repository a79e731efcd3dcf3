"""What the console reads of Kafka's records; whatever is not of the contract is None. Times are UTC ms."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from health_events.catalogue import OUTCOMES, SEVERITIES, VEHICLE_STATUSES

# A page can show no more of a text, and a record that has more is not one of ours.
_Text = Annotated[str, msgspec.Meta(max_length=512)]
_Id = Annotated[str, msgspec.Meta(max_length=64, min_length=1)]
_Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
_Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
_Time = Annotated[int, msgspec.Meta(ge=946_684_800_000, le=4_102_444_800_000)]
_Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]  # so that no infinity comes in
_Status = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(VEHICLE_STATUSES)})\\Z")]
_Outcome = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(OUTCOMES)})\\Z")]
_Severity = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(SEVERITIES)})\\Z")]


class Vehicle(msgspec.Struct, frozen=True, gc=False):
    """A report of a vehicle."""

    observed_at: _Time
    latitude: _Latitude
    longitude: _Longitude
    heading_deg: _Number
    kind: _Id
    status: _Status
    vehicle_id: _Id = msgspec.field(name="entity_id")
    dispatch_id: _Id | None = None


class Reading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The vital sign that an alert or a decision is about."""

    observed_at: _Time
    latitude: _Latitude
    longitude: _Longitude
    area: _Id
    metric: _Id
    value: _Number
    rule: _Text
    severity: _Severity
    patient_id: _Id = msgspec.field(name="entity_id")


class Alert(Reading, frozen=True, gc=False, kw_only=True):
    """A vital sign that broke a rule."""

    alert_id: _Id = msgspec.field(name="event_id")
    canary: bool | None = None


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A vehicle that was looked at."""

    vehicle_id: _Id
    distance_km: _Number
    position_age_s: _Number
    verdict: _Id


class Decision(Reading, frozen=True, gc=False, kw_only=True):
    """What was decided about an alert."""

    outcome: _Outcome
    reason: _Text
    alert_id: _Id
    decided_at: _Time
    radius_km: _Number
    dispatch_id: _Id | None = None
    vehicle_id: _Id | None = None
    distance_km: _Number | None = None
    vehicle_latitude: _Latitude | None = None
    vehicle_longitude: _Longitude | None = None
    candidates: Annotated[tuple[Candidate, ...], msgspec.Meta(max_length=50)] = ()
    retry_until: _Time | None = None


_READERS: dict[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Vehicle, Alert, Decision)
}


def read(kind: type[Vehicle | Alert | Decision], payload: bytes) -> Vehicle | Alert | Decision | None:
    """The record as that kind; None when it is none."""
    try:
        record: Vehicle | Alert | Decision = _READERS[kind].decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return record

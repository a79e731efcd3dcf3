"""Every event of the system, field by field.

Sources of the domain facts: LOINC (https://loinc.org) for the codes of heart rate (8867-4) and oxygen saturation by
pulse oximetry (59408-5, reported together with 2708-6 as US Core asks); ISO/IEEE 11073-10101 for the codes that devices
use (149530 pulse rate, 150456 SpO2); UCUM for units; WGS 84 for positions.
"""

from __future__ import annotations

from health_events.fields import Event, Field, ListOf, Primitive, Struct

STRING, INTEGER, DOUBLE = Primitive.STRING, Primitive.INTEGER, Primitive.DOUBLE
BOOLEAN, TIMESTAMP = Primitive.BOOLEAN, Primitive.TIMESTAMP

# 2000-01-01 and 2100-01-01 UTC: a clock outside of these is broken, not late.
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000
# How far the clocks of a watch or a vehicle, of a machine of ours and of the broker may be apart.
CLOCK_MARGIN_MS = 10 * 60 * 1000

VEHICLE_STATUSES = ("idle", "dispatched", "on_scene", "returning", "out_of_service")
OUTCOMES = ("dispatched", "unassigned", "suppressed", "released")
SEVERITIES = ("warning", "critical")
INCIDENT_SEVERITIES = ("minor", "moderate", "severe", "critical")  # mildest first
# The service area of whoever is in none: there is always somebody who decides.
DEFAULT_AREA = "default"


def _time(name: str, doc: str, *, nullable: bool = False) -> Field:
    return Field(name, TIMESTAMP, doc, nullable=nullable, minimum=_EARLIEST_MS, maximum=_LATEST_MS)


def _identity(entity: str, *, personal: bool = False) -> tuple[Field, ...]:
    """What every event begins with. ``personal``: whoever makes event ids may make them of the entity's."""
    return (
        Field(
            "event_id",
            STRING,
            "Unique for ever; the same reading sent twice carries the same id",
            max_length=64,
            personal=personal,
        ),
        Field("source", STRING, "The name of the feed that it came from", max_length=64),
        Field("entity_id", STRING, f"The {entity} that it is about", max_length=64, personal=personal),
        _time("observed_at", "The moment of the reading at its origin"),
    )


def _latitude(prefix: str = "", *, nullable: bool = False) -> Field:
    return Field(f"{prefix}latitude", DOUBLE, "WGS 84", "deg", nullable=nullable, minimum=-90, maximum=90)


def _longitude(prefix: str = "", *, nullable: bool = False) -> Field:
    return Field(f"{prefix}longitude", DOUBLE, "WGS 84", "deg", nullable=nullable, minimum=-180, maximum=180)


def _position(*, nullable: bool = False) -> tuple[Field, ...]:
    return (_latitude(nullable=nullable), _longitude(nullable=nullable))


def _heart_rate() -> Field:
    codes = (("LOINC", "8867-4"), ("IEEE 11073-10101", "149530"))
    return Field("heart_rate", DOUBLE, "Heart rate", "/min", codes, nullable=True, minimum=0, maximum=300)


def _spo2() -> Field:
    codes = (("LOINC", "59408-5"), ("LOINC", "2708-6"), ("IEEE 11073-10101", "150456"))
    return Field(
        "spo2", DOUBLE, "Oxygen saturation (pulse oximetry)", "%", codes, nullable=True, minimum=0, maximum=100
    )


def _motion() -> tuple[Field, ...]:
    return (
        Field("speed_kmh", DOUBLE, "Speed over ground", "km/h", minimum=0, maximum=400),
        Field("heading_deg", DOUBLE, "Course over ground, clockwise from north", "deg", minimum=0, maximum=360),
    )


VITALS = Event(
    "vitals",
    "A reading of a smart watch",
    (
        *_identity("patient", personal=True),
        *_position(),
        Field("device_id", STRING, "The watch", max_length=64, personal=True),
        _heart_rate(),
        _spo2(),
        Field("activity", STRING, "What the watch takes the wearer to be doing", nullable=True,
              values=("resting", "walking", "running", "sleeping")),
        Field("canary", BOOLEAN, "A synthetic reading that proves the path; kept out of tables and dispatch",
              nullable=True),
    ),
)  # fmt: skip

VEHICLES = Event(
    "vehicles",
    "A report of an emergency vehicle: where it is and what it is doing",
    (
        *_identity("vehicle"),
        *_position(),
        *_motion(),
        Field("kind", STRING, "What it is equipped for", values=("ambulance", "rapid_response", "fire", "police")),
        Field("status", STRING, "Only an idle vehicle can be sent", values=VEHICLE_STATUSES),
        Field("area", STRING, "The service area that it belongs to; the pipeline's only one when absent",
              nullable=True, max_length=64),
        Field("dispatch_id", STRING, "The dispatch it serves or, when idle, the last one it has served",
              nullable=True, max_length=64),
        _time("dispatched_at", "When it took on that dispatch", nullable=True),
    ),
)  # fmt: skip

GPS = Event(
    "gps",
    "A position of a tracked car, bus or bicycle",
    (
        *_identity("tracker"),
        *_position(),
        *_motion(),
        Field("vehicle_type", STRING, "What carries the tracker", values=("car", "bus", "truck", "bicycle")),
    ),
)

CAMERAS = Event(
    "cameras",
    "What a traffic camera counted",
    (
        *_identity("camera"),
        *_position(),
        Field("vehicles_per_minute", DOUBLE, "Flow past the camera", "/min", minimum=0, maximum=1000),
        Field("mean_speed_kmh", DOUBLE, "Mean speed of that flow", "km/h", nullable=True, minimum=0, maximum=400),
        Field("snapshot_uri", STRING, "Where the picture is kept", nullable=True, max_length=1024),
    ),
)

WEATHER = Event(
    "weather",
    "An observation of a weather station",
    (
        *_identity("station"),
        *_position(),
        Field("temperature_c", DOUBLE, "Air temperature", "Cel", minimum=-90, maximum=60),
        Field("humidity_percent", DOUBLE, "Relative humidity", "%", minimum=0, maximum=100),
        Field("wind_kmh", DOUBLE, "Mean wind speed", "km/h", minimum=0, maximum=450),
        Field("precipitation_mm_h", DOUBLE, "Rate of precipitation", "mm/h", minimum=0, maximum=500),
        Field("condition", STRING, "In a word", values=("clear", "cloudy", "rain", "storm", "snow", "fog")),
        Field("air_quality_index", INTEGER, "US EPA air quality index", nullable=True, minimum=0, maximum=1000),
    ),
)

EMERGENCIES = Event(
    "emergencies",
    "An incident as an emergency feed reports it",
    (
        *_identity("incident"),
        *_position(),
        Field("kind", STRING, "What happened", values=("accident", "fire", "medical", "flood", "crime", "hazard")),
        Field("severity", STRING, "How bad it is", values=INCIDENT_SEVERITIES),
        Field("status", STRING, "Where it stands", values=("reported", "active", "resolved")),
        Field("description", STRING, "In words", nullable=True, max_length=2048),
    ),
)

SOURCES = (VITALS, VEHICLES, GPS, CAMERAS, WEATHER, EMERGENCIES)

_READING = (
    Field("metric", STRING, "What was abnormal", values=("heart_rate", "spo2")),
    Field("value", DOUBLE, "What it was, in the metric's unit"),
    Field("rule", STRING, "The rule that it broke, as text: 'spo2 <= 91'", max_length=128),
    Field("severity", STRING, "As the rule says", values=SEVERITIES),
)

ALERTS = Event(
    "alerts",
    "A vital sign that broke a rule. The id is a hash of reading and rule, so a replay repeats it",
    (
        *_identity("patient"),
        *_position(),
        Field("area", STRING, "The service area that the patient is in", max_length=64),
        Field("vital_event_id", STRING, "The reading that broke the rule", max_length=64),
        Field("device_id", STRING, "The watch", max_length=64),
        *_READING,
        Field("canary", BOOLEAN, "Caused by a synthetic reading", nullable=True),
    ),
    key="area",
)

_CANDIDATE = Struct(
    (
        Field("vehicle_id", STRING, "A vehicle that was looked at"),
        Field("distance_km", DOUBLE, "Great circle distance from the patient", "km", minimum=0),
        Field("position_age_s", DOUBLE, "How old its position was", "s"),
        Field("verdict", STRING, "Why it was taken or not; too_late: it could go, but the time to try was over",
              values=("chosen", "farther", "out_of_radius", "busy", "stale", "too_late")),
    )
)  # fmt: skip

DISPATCHES = Event(
    "dispatches",
    "What was decided about an alert, with its story. Outcome 'released' ends an assignment",
    (
        *_identity("patient"),
        *_position(),
        Field("outcome", STRING, "What was decided", values=OUTCOMES),
        Field("reason", STRING, "Why", max_length=512),
        Field("alert_id", STRING, "The alert", max_length=64),
        Field("area", STRING, "The service area that decided", max_length=64),
        _time("decided_at", "When"),
        *_READING,
        Field("dispatch_id", STRING, "The assignment that this opens or ends", nullable=True, max_length=64),
        Field("vehicle_id", STRING, "The vehicle that is sent or free again", nullable=True, max_length=64),
        Field("distance_km", DOUBLE, "From vehicle to patient, great circle", "km", nullable=True, minimum=0),
        _latitude("vehicle_", nullable=True),
        _longitude("vehicle_", nullable=True),
        Field("radius_km", DOUBLE, "How far a vehicle may be sent", "km", minimum=0),
        Field("candidates", ListOf(_CANDIDATE), "The nearest vehicles that were considered, nearest first"),
        _time(
            "retry_until",
            "Until when the alert is tried again: while unassigned, or if the vehicle that is sent does not take the"
            " order; absent when it is given up",
            nullable=True,
        ),
    ),
    key="area",
)

# On Kafka a dead letter is the record as it came, untouched, with the context in headers (the custom of Kafka Connect);
# this is its row in the lake.
DEAD_LETTERS = Event(
    "dead_letters",
    "A record that breaks the contract, whole, with the reason",
    (
        Field("source", STRING, "The feed or topic that it came from", max_length=64),
        Field("reason", STRING, "What is wrong with it", max_length=1024),
        Field("encoding", STRING, "How the payload is written here", values=("utf-8", "base64")),
        Field("payload", STRING, "The record as it came", max_length=16 * 1024 * 1024),
    ),
    key="source",
)

EVENTS = (*SOURCES, ALERTS, DISPATCHES, DEAD_LETTERS)


def by_name(name: str) -> Event:
    """The event of that name; KeyError, naming the ones there are, when there is none."""
    for event in EVENTS:
        if event.name == name:
            return event
    raise KeyError(f"no event {name!r}: there are {', '.join(event.name for event in EVENTS)}")

"""The contract: what flows through the system, each fact once.

``fields`` says what a field can be, ``catalogue`` lists every event with its fields, ``topics`` says where each one
travels and how long it is kept, ``codec`` turns bytes into events and back. The standard library only, so every
component can afford to depend on it. Spark, Arrow, Glue and JSON schemas are derived from here, next to the library
that they are for.
"""

from health_events.catalogue import (
    ALERTS,
    CAMERAS,
    CLOCK_MARGIN_MS,
    DEAD_LETTERS,
    DEFAULT_AREA,
    DISPATCHES,
    EMERGENCIES,
    EVENTS,
    GPS,
    INCIDENT_SEVERITIES,
    SOURCES,
    VEHICLES,
    VITALS,
    WEATHER,
    by_name,
)
from health_events.codec import ContractError, decode, encode, violations
from health_events.fields import INTEGER_BOUNDS, Event, Field, ListOf, Primitive, Struct, WireType
from health_events.topics import AUDIT_TOPIC, CURSORS_TOPIC, Header, Topic, cursors_of, group_name, topic_name, topics

__all__ = [
    "ALERTS",
    "AUDIT_TOPIC",
    "CAMERAS",
    "CLOCK_MARGIN_MS",
    "CURSORS_TOPIC",
    "DEAD_LETTERS",
    "DEFAULT_AREA",
    "DISPATCHES",
    "EMERGENCIES",
    "EVENTS",
    "GPS",
    "INCIDENT_SEVERITIES",
    "INTEGER_BOUNDS",
    "SOURCES",
    "VEHICLES",
    "VITALS",
    "WEATHER",
    "ContractError",
    "Event",
    "Field",
    "Header",
    "ListOf",
    "Primitive",
    "Struct",
    "Topic",
    "WireType",
    "by_name",
    "cursors_of",
    "decode",
    "encode",
    "group_name",
    "topic_name",
    "topics",
    "violations",
]

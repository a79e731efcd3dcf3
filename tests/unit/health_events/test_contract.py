"""The catalogue of events holds together, and topics follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from health_events import (
    ALERTS,
    DEAD_LETTERS,
    DISPATCHES,
    EVENTS,
    SOURCES,
    VITALS,
    Event,
    Field,
    ListOf,
    Primitive,
    Struct,
    WireType,
    by_name,
    topic_name,
    topics,
)

EVERY_EVENT = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)


def every_field(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        kind: WireType = field.type
        while isinstance(kind, ListOf):
            kind = kind.item
        if isinstance(kind, Struct):
            yield from every_field(kind.fields)


@EVERY_EVENT
def test_fields_are_named_once_documented_and_sanely_bounded(event: Event) -> None:
    names = [field.name for field in event.fields]
    assert len(names) == len(set(names))
    for field in every_field(event.fields):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field.name)
        assert field.doc
        assert all(system and code for system, code in field.codes)
        is_number = field.type in (Primitive.INTEGER, Primitive.LONG, Primitive.DOUBLE, Primitive.TIMESTAMP)
        assert is_number or (field.minimum, field.maximum) == (None, None)
        assert field.minimum is None or field.maximum is None or field.minimum < field.maximum
        assert not field.values or field.type is Primitive.STRING


@EVERY_EVENT
def test_key_is_text_that_is_always_there(event: Event) -> None:
    key = event.field(event.key)
    assert (key.type, key.nullable) == (Primitive.STRING, False)


@pytest.mark.parametrize("event", [*SOURCES, ALERTS, DISPATCHES], ids=lambda event: event.name)
def test_every_event_says_what_it_is_about_when_and_where(event: Event) -> None:
    assert [field.name for field in event.fields[:6]] == [
        "event_id", "source", "entity_id", "observed_at", "latitude", "longitude",
    ]  # fmt: skip


def test_vital_signs_carry_their_loinc_codes() -> None:
    assert ("LOINC", "8867-4") in VITALS.field("heart_rate").codes
    assert {("LOINC", "59408-5"), ("LOINC", "2708-6")} <= set(VITALS.field("spo2").codes)


def test_what_is_not_there_is_named_with_what_is() -> None:
    assert by_name("vitals") is VITALS
    with pytest.raises(KeyError, match=r"no event 'vital': there are vitals, vehicles"):
        by_name("vital")
    with pytest.raises(KeyError, match="vitals has no field 'pulse'"):
        VITALS.field("pulse")


def test_topics_of_a_pipeline() -> None:
    made = {topic.name: topic for topic in topics("london", partitions={"vitals": 6}, retention_ms={"vitals": 1000})}
    places = [f"london.cursors-{source.name}" for source in SOURCES]
    assert list(made) == [*(topic_name("london", event) for event in EVENTS), *places, "london.cursors", "london.audit"]
    assert topic_name("london", DEAD_LETTERS) == "london.dead-letters"
    assert (made["london.vitals"].partitions, made["london.vitals"].config["retention.ms"]) == (6, "1000")
    assert (made["london.gps"].partitions, made["london.alerts"].partitions) == (2, 1)
    assert {made[name].config["cleanup.policy"] for name in (*places, "london.cursors")} == {"compact"}
    few = [topic.name for topic in topics("p", iter([VITALS, ALERTS]))]
    assert few == ["p.vitals", "p.alerts", "p.cursors-vitals", "p.cursors", "p.audit"]


def test_latencies_are_read_from_the_brokers_clock() -> None:
    by_clock = {topic.name: topic.config.get("message.timestamp.type") for topic in topics("p")}
    by_broker = {name for name, clock in by_clock.items() if clock == "LogAppendTime"}
    assert by_broker == {"p.alerts", "p.dispatches", "p.audit"}

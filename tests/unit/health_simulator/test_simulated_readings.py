"""What every source promises: the contract is kept, and the same seed gives the same data."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest
from health_events import SOURCES, Event, violations
from health_pipeline.settings import SimulatedSource
from health_simulator.generator import Generator
from health_simulator.openapi import json_schema
from health_simulator.population import BLOCK
from hypothesis import given, settings
from hypothesis import strategies as st

NOW_MS = 1_790_000_000_000

every_source = pytest.mark.parametrize("event", SOURCES, ids=lambda event: event.name)
seeds = st.integers(0, 2**63)


def said(event: Event, portions: list[int], started_ms: int = 1, **more: Any) -> list[bytes]:
    """The lines of a source, made in portions of these sizes."""
    given_ = {"name": event.name, "entities": 30, "events_per_second": 10.0, "seed": 7} | more
    generator = Generator(SimulatedSource(**given_), "p", started_ms)
    for portion in portions:
        generator.produce(portion, NOW_MS)
    read, lines = generator.feed.begin - 1, b""
    while read < generator.feed.last:
        more_lines, read = generator.feed.lines(read)
        lines += more_lines
    return lines.splitlines()


def records(event: Event, portions: list[int], **more: Any) -> list[dict[str, Any]]:
    return [json.loads(line)["record"] for line in said(event, portions, **more)]


@every_source
@settings(max_examples=15, deadline=None)
@given(seed=seeds, entities=st.integers(1, 200), rate=st.sampled_from([0.01, 1.0, 50.0, 50_000.0]))
def test_every_reading_keeps_the_contract(event: Event, seed: int, entities: int, rate: float) -> None:
    validator = jsonschema.Draft202012Validator(json_schema(event))
    for number, record in enumerate(records(event, [500], seed=seed, entities=entities, events_per_second=rate)):
        assert list(violations(record, event)) == []
        assert list(record) == [field.name for field in event.fields if field.name != "canary"]
        if number % 50 == 0:
            validator.validate(record)


@every_source
@settings(max_examples=8, deadline=None)
@given(seed=seeds, portions=st.lists(st.integers(1, 90), max_size=8))
def test_how_much_is_made_at_a_time_changes_nothing(event: Event, seed: int, portions: list[int]) -> None:
    faults = {"malformed": 0.1, "out_of_range": 0.1, "duplicated": 0.1, "late": 0.1}
    at_once = said(event, [sum(portions)] if portions else [], seed=seed, **faults)
    assert said(event, portions, seed=seed, **faults) == at_once


@every_source
def test_restart_repeats_the_data_under_new_ids(event: Event) -> None:
    first, second = records(event, [300]), records(event, [300], started_ms=2)
    other = records(event, [300], seed=8)
    ids = [record.pop("event_id") for record in (*first, *second, *other)]
    assert len(set(ids)) == 900
    assert first == second
    assert first != other


def test_entities_take_turns_across_blocks() -> None:
    (event,) = [event for event in SOURCES if event.name == "gps"]
    visited = [record["entity_id"] for record in records(event, [700, 900, 1300], entities=BLOCK + 300)]
    first_round = [f"tracker-{number:06}" for number in range(BLOCK + 300)]
    assert visited == (first_round * 3)[: len(visited)]


def test_readings_are_made_at_the_configured_rate_and_then_no_more() -> None:
    source = SimulatedSource(name="gps", entities=3, events_per_second=20, seed=1, duration_s=2.5)
    generator = Generator(source, "p", 1)
    assert [generator.due(elapsed) for elapsed in (0, 0.06, 1, 2.49, 3600)] == [1, 2, 21, 50, 50]
    generator.produce(30, NOW_MS)
    assert generator.due(3600) == 20
    assert generator.next_due_s() == 1.5
    assert not generator.feed.complete
    generator.produce(20, NOW_MS)
    assert generator.due(3600) == 0
    assert generator.feed.complete


@every_source
def test_fifty_thousand_a_second_take_less_than_one_core(event: Event) -> None:
    source = SimulatedSource(name=event.name, entities=10_000, events_per_second=50_000, seed=7, malformed=0.01)
    generator = Generator(source, "p", 1)
    generator.produce(10_000, NOW_MS)  # builds the entities
    began = time.process_time()
    for _ in range(100):
        generator.produce(500, NOW_MS)
    assert time.process_time() - began < 0.7

"""Bad days: each fault does what it says, as often as it says."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from health_events import SOURCES, VITALS, Event, violations
from health_pipeline.settings import SimulatedSource
from health_simulator.generator import Generator

NOW_MS = 1_790_000_000_000
COUNT = 4000


def lines(event: Event, **faults: float) -> list[bytes]:
    """The lines of a source's whole life of 4,000 readings at 100/s."""
    source = SimulatedSource(
        name=event.name, entities=20, events_per_second=100, seed=3, duration_s=COUNT / 100, **faults
    )
    generator = Generator(source, "p", 1)
    for _ in range(COUNT // 100):
        generator.produce(100, NOW_MS)
    assert generator.feed.complete
    read, said = generator.feed.begin - 1, b""
    while read < generator.feed.last:
        more, read = generator.feed.lines(read)
        said += more
    return said.splitlines()


def whole_records(said: list[bytes]) -> list[Any]:
    found = []
    for line in said:
        try:
            found.append(json.loads(line)["record"])
        except ValueError:
            assert line.startswith(b'{"cursor":"')
    return found


every_source = pytest.mark.parametrize("event", SOURCES, ids=lambda event: event.name)


@every_source
def test_malformed_records_break_the_contract_in_every_way(event: Event) -> None:
    said = lines(event, malformed=0.2)
    records = whole_records(said)
    cut = COUNT - len(records)
    bad = [record for record in records if list(violations(record, event))]
    ways = Counter("no object" if not isinstance(record, dict) else "object" for record in bad)
    assert len(said) == COUNT
    assert 0.17 < (cut + len(bad)) / COUNT < 0.23
    assert min(cut, ways["no object"], ways["object"]) > 100
    for number, line in enumerate(said, 1001):  # whatever happens to the record, the cursor can be read
        assert line.startswith(b'{"cursor":"%d",' % number)


@every_source
def test_values_out_of_range_are_all_that_is_wrong(event: Event) -> None:
    bad = [list(violations(record, event)) for record in whole_records(lines(event, out_of_range=0.1))]
    broken = [found for found in bad if found]
    assert 0.08 < len(broken) / COUNT < 0.12
    assert all(len(found) == 1 and "above" in found[0] for found in broken)


@every_source
def test_repetitions_come_on_top_with_the_same_id(event: Event) -> None:
    records = whole_records(lines(event, duplicated=0.1))
    ids = Counter(record["event_id"] for record in records)
    assert len(ids) == COUNT
    assert set(ids.values()) == {1, 2}
    assert 0.08 < (len(records) - COUNT) / COUNT < 0.12
    assert len({json.dumps(record) for record in records}) == COUNT
    first: dict[str, int] = {}
    apart = [place - first[record["event_id"]] for place, record in enumerate(records)
             if first.setdefault(record["event_id"], place) != place]  # fmt: skip
    assert max(apart) <= 600  # five seconds, and other repetitions in between
    assert min(apart) >= 1


def test_late_records_come_up_to_an_hour_after_their_time() -> None:
    late = [NOW_MS - record["observed_at"] for record in whole_records(lines(VITALS, late=0.1))]
    late = [age for age in late if age]
    assert 0.08 < len(late) / COUNT < 0.12
    assert 60_000 <= min(late) < max(late) <= 3_600_000


def test_one_fault_at_most_befalls_a_record() -> None:
    records = whole_records(lines(VITALS, malformed=0.5, out_of_range=0.5, late=1.0))
    assert all(list(violations(record, VITALS)) for record in records)
    assert {record["observed_at"] for record in records if isinstance(record, dict) and "observed_at" in record
            and isinstance(record["observed_at"], int)} == {NOW_MS}  # fmt: skip

"""A simulator that is started anew under a producer that remembers its place: neither run loses an item."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import httpx
from health_pipeline.settings import SimulatedSource, SimulatorSettings
from healthctl.embedded.waiting import wait_until

from tests.integration.test_producer_path import producing, read_all, settings_for
from tests.integration.test_simulator_process import Simulator, launch, running, settings

SOURCE = SimulatedSource(
    name="vitals", entities=50, events_per_second=1000, seed=7, duration_s=2, malformed=0.01, duplicated=0.01
)


def span(simulator: Simulator) -> range:
    """The cursors of what the run has made."""
    stats = simulator.api.get("/v1/vitals/stats").json()
    return range(int(stats["first"]), int(stats["first"]) + stats["generated"])


def is_over(simulator: Simulator) -> bool:
    """Whether the run has made all that it will."""
    return bool(simulator.api.get("/v1/vitals/stats").json()["complete"])


def wait_for_kafka(simulator: Simulator, broker: str, names: dict[str, str], log: Path) -> None:
    """Until the run is over and its last item, and so every one that was served, has come to Kafka."""
    assert wait_until(lambda: is_over(simulator), 60)
    last = span(simulator)[-1]
    assert wait_until(lambda: last in cursors(broker, names), 60, 0.5), log.read_text()
    stats = simulator.api.get("/v1/vitals/stats").json()
    assert stats["served"] == stats["generated"]


def test_a_producer_that_was_away_begins_with_the_new_runs_first_item(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    names = make_pipeline_topics()
    log = tmp_path / "producer.log"
    told = settings("127.0.0.1:1", names["pipeline"], sources=(SOURCE,))
    producer = settings_for(broker, names["pipeline"], f"http://127.0.0.1:{told.port}/v1/vitals")
    with running(told) as simulator:
        with producing(producer, log):
            wait_for_kafka(simulator, broker, names, log)
        before = span(simulator)
    longer = dataclasses.replace(told, sources=(dataclasses.replace(SOURCE, duration_s=3),))
    with running(longer) as simulator:
        # By now the new run has more items than the old one had, so that a count from 1 would hide the first of them.
        assert wait_until(lambda: is_over(simulator), 60)
        with producing(producer, log):
            wait_for_kafka(simulator, broker, names, log)
        after = span(simulator)
    assert before.stop < after.start
    assert (len(before) >= 2000, len(after) >= 3000) == (True, True)
    assert cursors(broker, names) == [*before, *after]


def test_a_run_that_is_killed_under_a_reading_producer_leaves_no_gap(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    names = make_pipeline_topics()
    log = tmp_path / "producer.log"
    endless = dataclasses.replace(SOURCE, duration_s=0)
    told = settings("127.0.0.1:1", names["pipeline"], sources=(endless,))
    producer = settings_for(broker, names["pipeline"], f"http://127.0.0.1:{told.port}/v1/vitals")
    with producing(producer, log):
        first, served = run_and_kill(told, lambda: len(cursors(broker, names)) >= 1500)
        with running(dataclasses.replace(told, sources=(SOURCE,))) as simulator:
            wait_for_kafka(simulator, broker, names, log)
            after = span(simulator)
    found = cursors(broker, names)
    kept = len(found) - len(after)
    assert kept >= served >= 1500
    assert found == [*range(first, first + kept), *after]


def run_and_kill(told: SimulatorSettings, is_enough: Callable[[], bool]) -> tuple[int, int]:
    """Runs a simulator until then; its first cursor, and how many items it had served just before its end."""
    process = launch(told)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{told.port}") as api:
            assert wait_until(is_enough, 60)
            stats = api.get("/v1/vitals/stats").json()
    finally:
        process.kill()
        process.communicate()
    return int(stats["first"]), stats["served"]


def cursors(broker: str, names: dict[str, str]) -> list[int]:
    """Of all items on Kafka, dead letters among them, each once and in order."""
    records = [*read_all(broker, names["vitals"]), *read_all(broker, names["dead_letters"])]
    return sorted({int(kept.headers["cursor"]) for kept in records})

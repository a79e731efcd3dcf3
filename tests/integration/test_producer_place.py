"""A place in the source that somebody has written by hand, as the producer's own advice says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from health_pipeline.settings import ProducerSettings, SettingsError
from health_producer.metrics import Metrics
from health_producer.publisher import Publisher


def written(broker: str, topic: str, *values: bytes | None) -> None:
    by_hand = Producer({"bootstrap.servers": broker})
    for value in values:
        by_hand.produce(topic, key="vitals", value=value)
    assert by_hand.flush(10) == 0


def settings_for(broker: str, pipeline: str) -> ProducerSettings:
    return ProducerSettings(pipeline=pipeline, bootstrap_servers=broker, source="vitals", url="http://127.0.0.1:9")


BAD = [
    b"{'cursor': '5'}", b'{"cursor": null}', b'{"cursor": 5}', b'{"Cursor": "5"}', b'{"cursor": ""}', b'"5"', b"5",
    b"\xff",
]  # fmt: skip


def test_what_is_no_place_is_said_and_what_to_do(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]]
) -> None:
    names = make_pipeline_topics()
    publisher = Publisher(settings_for(broker, names["pipeline"]), Metrics("p", "vitals"))
    for value in BAD:
        written(broker, names["cursors-vitals"], value)
        with pytest.raises(SettingsError, match="is no place to go on from"):
            publisher.stored_place()
    written(broker, names["cursors-vitals"], b'{"cursor": "5"}')
    assert publisher.stored_place() == "5", "what was written before does not matter any more"
    written(broker, names["cursors-vitals"], None)
    assert publisher.stored_place() is None
    publisher.close()


def test_the_producer_ends_with_one_line(broker: str, make_pipeline_topics: Callable[..., dict[str, str]]) -> None:
    names = make_pipeline_topics()
    written(broker, names["cursors-vitals"], b'{"cursor": "5"}', b'{"cursor": null}')
    env = dict(os.environ) | settings_for(broker, names["pipeline"]).to_env()
    ended = subprocess.run(
        [sys.executable, "-m", "health_producer"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == (
        f"health_producer: {names['cursors-vitals']}, offset 1, is no place to go on from (Expected `str`,"
        ' got `null` - at `$.cursor`): write {"cursor": "C"} with key vitals, C being a cursor of the source, or no'
        " value at all to begin anew\n"
    )

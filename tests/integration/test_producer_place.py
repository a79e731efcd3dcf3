"""Where the producer finds its place in the source: also one that was written by hand, as its own advice says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer
from health_events import topics
from health_pipeline.settings import ProducerSettings, SettingsError
from health_producer.metrics import Metrics
from health_producer.publisher import DeliveryError, Publisher
from healthctl.embedded.topics import ensure_topics
from healthctl.embedded.waiting import wait_until


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


def test_the_place_is_found_while_other_sources_keep_writing_theirs(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]]
) -> None:
    names = make_pipeline_topics()
    over = threading.Event()

    def write_without_pause() -> None:
        others = Producer({"bootstrap.servers": broker, "linger.ms": 0})
        while not over.wait(0.01):
            others.produce(names["cursors"], key="gps", value=b'{"cursor": "7"}')
            others.flush(10)

    own = Producer({"bootstrap.servers": broker})
    own.produce(names["cursors"], key="vitals", value=b'{"cursor": "42"}')
    own.flush(10)
    writer = threading.Thread(target=write_without_pause)
    writer.start()
    publisher = Publisher(settings_for(broker, names["pipeline"]), Metrics("p", "vitals"))
    found: list[str | None] = []
    finder = threading.Thread(target=lambda: found.append(publisher.stored_place()), daemon=True)
    finder.start()
    finder.join(20)
    over.set()
    writer.join()
    publisher.close()
    assert found == ["42"]


@pytest.mark.parametrize(
    ("own", "shared", "place"),
    [
        ([], [], None),
        ([], [b'{"cursor": "41"}', b'{"cursor": "42"}'], "42"),  # of before each source had a topic for its place
        ([b'{"cursor": "43"}'], [b'{"cursor": "42"}'], "43"),
        ([b'{"cursor": "43"}', None], [b'{"cursor": "42"}'], None),  # begin anew
    ],
)
def test_a_place_is_looked_for_in_the_shared_topic_only_while_the_own_one_has_none(
    broker: str,
    make_pipeline_topics: Callable[..., dict[str, str]],
    own: list[bytes | None],
    shared: list[bytes | None],
    place: str | None,
) -> None:
    names = make_pipeline_topics()
    writer = Producer({"bootstrap.servers": broker})
    for topic, values in ((names["cursors-vitals"], own), (names["cursors"], shared)):
        for value in values:
            writer.produce(topic, key="vitals", value=value)
        writer.produce(topic, key="gps", value=b'{"cursor": "7"}')
    writer.flush(10)
    publisher = Publisher(settings_for(broker, names["pipeline"]), Metrics("p", "vitals"))
    assert publisher.stored_place() == place
    publisher.close()


def test_no_place_is_found_where_the_shared_topic_was_removed(broker: str, pipeline_names: Iterator[str]) -> None:
    pipeline = next(pipeline_names)
    kept = [topic for topic in topics(pipeline) if topic.name != f"{pipeline}.cursors"]
    ensure_topics({"bootstrap.servers": broker}, kept)
    publisher = Publisher(settings_for(broker, pipeline), Metrics("p", "vitals"))
    found: list[str | None] = []

    def is_read() -> bool:
        try:
            found.append(publisher.stored_place())
        except DeliveryError:  # nobody leads the new topics yet; a producer tries again as well
            return False
        return True

    assert wait_until(is_read, 30)
    assert found == [None]
    publisher.close()

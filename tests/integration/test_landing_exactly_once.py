"""``python -m health_streaming.jobs.landing`` on a real broker and an S3/Glue endpoint, killed while it works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from health_catalog import RAW, GlueCatalog, lake_filesystem, object_path
from health_events import EVENTS, topic_name
from health_pipeline.settings import LandingSettings
from healthctl.embedded.ports import free_port
from healthctl.embedded.waiting import wait_until
from prometheus_client.parser import text_string_to_metric_families

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

PATIENCE_S = 240
MakeTopics = Callable[..., dict[str, str]]


def _settings(pipeline: str, broker: str, endpoint: str, jars: Path) -> LandingSettings:
    return LandingSettings(
        pipeline=pipeline, metrics_port=free_port(), bootstrap_servers=broker, lake=f"s3://{pipeline}",
        lake_endpoint=endpoint, glue_endpoint=endpoint, database=pipeline.replace("-", "_"),
        tables=tuple(event.name for event in EVENTS), trigger_interval_s=1, spark_master="local[2]",
        spark_jars=str(jars),
    )  # fmt: skip


@contextmanager
def _landing(settings: LandingSettings) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "health_streaming.jobs.landing"]
    process = subprocess.Popen(command, env=os.environ | settings.to_env())
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes], meanwhile: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it takes too long"
        meanwhile()
        time.sleep(0.05)


def _is_ready(settings: LandingSettings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/readyz"):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


class Feed:
    """Produces vitals: every fifth is broken, every seventh a canary."""

    def __init__(self, broker: str, pipeline: str, sent: int = 0) -> None:
        self._producer = Producer({"bootstrap.servers": broker, "linger.ms": 5})
        self._topic = topic_name(pipeline, "vitals")
        self.sent = sent

    def send(self, count: int = 20) -> None:
        """Some more, delivered on return."""
        for number in range(self.sent, self.sent + count):
            reading = {"event_id": f"v{number}", "source": "vitals", "entity_id": f"p{number % 9}", "device_id": "d"}
            reading |= {"observed_at": 1_790_000_000_000 + number, "latitude": 200 if number % 5 == 0 else 1}
            reading |= {"longitude": 1, "canary": number % 7 == 0}
            headers = [("cursor", str(number).encode())]
            self._producer.produce(self._topic, json.dumps(reading), key=reading["entity_id"], headers=headers)
        assert self._producer.flush(30) == 0
        self.sent += count

    @property
    def good(self) -> set[str]:
        """Cursors of what must be in the table of vitals."""
        return {str(number) for number in range(self.sent) if number % 5 and number % 7}

    @property
    def broken(self) -> set[str]:
        """Cursors of what must be among the dead letters."""
        return {str(number) for number in range(self.sent) if number % 5 == 0}


def _files(settings: LandingSettings, table: str) -> list[str]:
    selector = pafs.FileSelector(object_path(settings.table_uri(RAW, table)), recursive=True, allow_not_found=True)
    return [each.path for each in lake_filesystem(settings).get_file_info(selector) if each.is_file]


def _landed(settings: LandingSettings, table: str) -> pa.Table | None:
    store = lake_filesystem(settings)
    read = [pq.read_table(path, filesystem=store, partitioning=None) for path in _files(settings, table)]
    return pa.concat_tables(read) if read else None


def _cursors(settings: LandingSettings, table: str) -> set[str]:
    rows = _landed(settings, table)
    return set(rows["source_cursor"].to_pylist()) if rows else set()


def test_each_record_lands_once_whenever_it_is_killed(
    make_pipeline_topics: MakeTopics, broker: str, aws_endpoint: str, spark_jars: Path
) -> None:
    pipeline = make_pipeline_topics(partitions={"vitals": 2})["pipeline"]
    settings = _settings(pipeline, broker, aws_endpoint, spark_jars)
    feed = Feed(broker, pipeline)
    for goal in (1, 2):
        with _landing(settings) as process:
            before = len(_files(settings, "vitals"))
            # Files are written before the batch is committed: killed at the first one, it is in the middle of a batch.
            _until(lambda goal=before + goal: len(_files(settings, "vitals")) >= goal, process, feed.send)  # type: ignore[misc]
    with _landing(settings) as process:
        _until(lambda: _is_ready(settings), process, feed.send)
        feed.send()
        _until(lambda: feed.good <= _cursors(settings, "vitals"), process, lambda: None)
        _until(lambda: feed.broken <= _cursors(settings, "dead_letters"), process, lambda: None)
        # A batch's files are there before its counts are, and what it has read is counted before what became of it.
        _until(lambda: _tells_what_landed(settings), process, lambda: None)
        _assert_lag_shows_a_batch_that_hangs(settings, process, feed)
        _until(lambda: _group(settings) == _ends(settings), process, lambda: None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0

    for table, expected in (("vitals", feed.good), ("dead_letters", feed.broken)):
        rows = _landed(settings, table)
        assert rows is not None
        places = Counter(zip(rows["kafka_partition"].to_pylist(), rows["kafka_offset"].to_pylist(), strict=True))
        assert set(places.values()) == {1}
        assert set(rows["source_cursor"].to_pylist()) == expected
        _assert_registered(settings, table)


def test_topics_that_were_made_again_are_read_from_their_beginning(
    make_pipeline_topics: MakeTopics, broker: str, aws_endpoint: str, spark_jars: Path
) -> None:
    pipeline, *names = make_pipeline_topics(partitions={"vitals": 2}).values()
    settings = _settings(pipeline, broker, aws_endpoint, spark_jars)
    feed = Feed(broker, pipeline)
    _land_all(settings, feed)
    admin = AdminClient({"bootstrap.servers": broker})
    for deleted in admin.delete_topics(names).values():
        deleted.result(30)
    assert wait_until(lambda: not set(names) & set(admin.list_topics(timeout=20).topics), 30, 0.2)
    make_pipeline_topics(pipeline, partitions={"vitals": 2})
    feed = Feed(broker, pipeline, feed.sent)  # a client does not get over it that a topic was away
    _land_all(settings, feed)
    _land_all(settings, feed)

    rows = _landed(settings, "vitals")
    assert rows is not None
    assert Counter(rows["source_cursor"].to_pylist()) == Counter(feed.good)


def _land_all(settings: LandingSettings, feed: Feed) -> None:
    """All that is fed while it starts."""
    with _landing(settings) as process:
        _until(lambda: _is_ready(settings), process, feed.send)
        _until(lambda: feed.good <= _cursors(settings, "vitals"), process, lambda: None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def _assert_lag_shows_a_batch_that_hangs(
    settings: LandingSettings, process: subprocess.Popen[bytes], feed: Feed
) -> None:
    def lag() -> float:
        topic = f"{settings.pipeline}.vitals"
        return max(_samples(settings, "health_streaming_lag_seconds", query="landing", topic=topic))

    workers = _workers(settings)
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    feed.send()
    _until(lambda: lag() > 4, process, lambda: None)
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    # Also with nothing more to read, which is when no batch says anything.
    _until(lambda: lag() < 2 and feed.good <= _cursors(settings, "vitals"), process, lambda: None)


def _workers(settings: LandingSettings) -> list[int]:
    """Spark's Python processes, which write the files."""
    mark = f"HEALTH_METRICS_PORT={settings.metrics_port}".encode()
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    found = []
    for folder in folders:
        with suppress(OSError):  # it has just ended, or is not ours
            is_ours = mark in (folder / "environ").read_bytes().split(b"\0")
            if is_ours and b"pyspark.daemon" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def _told(settings: LandingSettings, name: str, **labels: str) -> float:
    return sum(_samples(settings, name, **labels))


def _samples(settings: LandingSettings, name: str, **labels: str) -> list[float]:
    """The metric's samples with these labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return [sample.value for sample in samples if labels.items() <= sample.labels.items()]


def _group(settings: LandingSettings) -> dict[tuple[str, int], int]:
    """The offsets of landing's consumer group, as whoever knows Kafka sees them."""
    admin, name = AdminClient(settings.client_config()), f"{settings.pipeline}.landing"
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]).values()
    return {(each.topic, each.partition): each.offset for each in answer.result(30).topic_partitions}


def _ends(settings: LandingSettings) -> dict[tuple[str, int], int]:
    """How far the pipeline's topics go."""
    admin, names = AdminClient(settings.client_config()), {topic_name(settings.pipeline, event) for event in EVENTS}
    topics = admin.list_topics(timeout=30).topics.values()
    places = [
        TopicPartition(topic.topic, number) for topic in topics if topic.topic in names for number in topic.partitions
    ]
    answers = admin.list_offsets({place: OffsetSpec.latest() for place in places})
    return {(place.topic, place.partition): answer.result(30).offset for place, answer in answers.items()}


def _tells_what_landed(settings: LandingSettings) -> bool:
    read, landed, dead = (
        _told(settings, "health_streaming_rows_total", query="landing", result=result)
        for result in ("read", "landed", "dead_lettered")
    )
    ages = [
        _told(settings, "health_lake_freshness_seconds", pipeline=settings.pipeline, table=table)
        for table in ("vitals", "dead_letters")
    ]
    # One in five is broken; of the others, one in seven is a canary.
    as_fed = read > 0 and 0.5 < landed / read < 0.8 and 0.1 < dead / read < 0.3
    return as_fed and all(0 < age < PATIENCE_S for age in ages)


def _assert_registered(settings: LandingSettings, table: str) -> None:
    catalog = GlueCatalog(settings)
    registered = catalog.table(RAW, table)
    assert registered is not None
    folders = {object_path(each.location) for each in catalog.partitions(registered)}
    assert folders == {path.rpartition("/")[0] for path in _files(settings, table)}


def test_without_settings_it_says_which(aws_endpoint: str) -> None:  # noqa: ARG001 (Spark must not be reached)
    result = subprocess.run(
        [sys.executable, "-m", "health_streaming.jobs.landing"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr.strip()) == (2, "landing: HEALTH_PIPELINE is not set")

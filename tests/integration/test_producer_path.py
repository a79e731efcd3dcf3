"""The producer as a process, between a source that has bad days and a real broker."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from health_events import VITALS, Topic, topics
from health_pipeline.settings import ProducerSettings
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.ports import free_port
from healthctl.embedded.process import Command, Process
from healthctl.embedded.topics import ensure_topics
from healthctl.embedded.waiting import wait_until

from tests.unit.health_producer.misbehaving import Request, serving
from tests.unit.health_producer.records import good_record

PATIENTS = 7


class Kept(NamedTuple):
    """A record as a reader of the topic finds it."""

    key: str
    value: bytes
    headers: dict[str, str]


@contextmanager
def reading(bootstrap: str) -> Iterator[Consumer]:
    """A consumer without a group's business."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False})
    try:
        yield consumer
    finally:
        consumer.close()


def ends_of(consumer: Consumer, topic: str) -> dict[int, int]:
    """The end offset of each partition; waits out the moment after creation in which nobody leads it."""
    ends: dict[int, int] = {}

    def are_known() -> bool:
        try:
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
                ends[partition] = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
        except KafkaException:
            return False
        return True

    assert wait_until(are_known, 10)
    return ends


def read_all(bootstrap: str, topic: str) -> list[Kept]:
    """What is in a topic, partition by partition."""
    found: list[Kept] = []
    with reading(bootstrap) as consumer:
        for partition, end in ends_of(consumer, topic).items():
            consumer.assign([TopicPartition(topic, partition, 0)])
            reached = 0
            while reached < end:
                for message in consumer.consume(5000, timeout=1):
                    headers = {name: value.decode() for name, value in message.headers() or []}
                    found.append(Kept(message.key().decode(), message.value(), headers))
                    reached = message.offset() + 1
    return found


def size(bootstrap: str, topic: str) -> int:
    """How many records a topic holds (nothing is deleted here)."""
    with reading(bootstrap) as consumer:
        return sum(ends_of(consumer, topic).values())


def settings_for(bootstrap: str, pipeline: str, url: str, mode: str = "stream") -> ProducerSettings:
    return ProducerSettings(
        pipeline=pipeline,
        bootstrap_servers=bootstrap,
        source="vitals",
        url=url,
        mode=mode,
        poll_interval_s=0.05,
        metrics_port=free_port(),
    )


@contextmanager
def producing(settings: ProducerSettings, log: Path) -> Iterator[Process]:
    """The producer as a process for the block's length; it must end cleanly unless the block has killed it."""
    command = Command("producer", (sys.executable, "-m", "health_producer"), log, dict(os.environ) | settings.to_env())
    process = Process(command)
    try:
        yield process
    except BaseException:
        process.send(signal.SIGKILL)
        raise
    finally:
        killed = process.ended() is not None
        code = process.stop(grace_s=5)
    assert killed or code == 0, log.read_text()


def kill(process: Process) -> None:
    process.send(signal.SIGKILL)
    process.clean_up()


def ask(settings: ProducerSettings, path: str) -> str:
    """The telemetry's answer; empty when there is none or it is not 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def metric(settings: ProducerSettings, name: str, labels: str) -> float:
    """The value of a metric whose labels contain ``labels``; 0 when there is none."""
    lines = [line for line in ask(settings, "/metrics").splitlines() if line.startswith(name) and labels in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def value_of(number: int) -> bytes:
    """The record under that cursor, as the source writes it: oddly spaced, and in bad days not as it should be."""
    if number % 101 == 0:
        return b'"a word"'
    record = good_record(VITALS) | {"event_id": f"e{number}", "entity_id": f"patient-{number % PATIENTS}"}
    if number % 103 == 0:
        record["spo2"] = -1
    return json.dumps(record, separators=(", ", ":  ")).encode()


def line_of(number: int) -> bytes:
    line = b'{"cursor":"%d","record":%s}' % (number, value_of(number))
    return (line[: 20 + number % 90] if is_cut(number) else line) + b"\n"


def is_cut(number: int) -> bool:
    return number % 107 == 0


def is_bad(number: int) -> bool:
    return number % 101 == 0 or number % 103 == 0 or is_cut(number)


def bad_days(count: int, pace: Callable[[int], None] = lambda _: None) -> Callable[[Request], None]:
    """Items 1..count as a stream; every third request fails, and every connection breaks after 1,500 items."""
    requests = 0

    def answer(request: Request) -> None:
        nonlocal requests
        requests += 1
        if requests % 3 == 0:
            request.reply(500, b'{"error": "bad day"}')
            return
        request.start_stream()
        first = int(request.after or 0) + 1
        for start in range(first, min(first + 1500, count + 1), 50):
            pace(start)
            request.send(b"".join(line_of(number) for number in range(start, min(start + 50, count + 1))))
        if first + 1500 <= count:
            request.send(line_of(first + 1500)[:30])
            request.break_off()
            return
        while True:
            request.send(b"\n")
            threading.Event().wait(0.2)

    return answer


def test_kill_9_and_bad_days_skip_nothing(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    count = 12_000
    names = make_pipeline_topics(partitions={"vitals": 3})
    log = tmp_path / "producer.log"

    def delivered() -> int:
        return size(broker, names["vitals"])

    def pace(start: int) -> None:
        if start % 500 == 1:
            threading.Event().wait(0.05)  # a source of about 10,000 items/s, so that kills hit it at work

    with serving(bad_days(count, pace)) as url:
        settings = settings_for(broker, names["pipeline"], url)
        for share in (0.1, 0.4, 0.7):
            with producing(settings, log) as process:
                assert wait_until(lambda share=share: delivered() > share * count, 60, 0.02), log.read_text()
                kill(process)
        with producing(settings, log):
            assert wait_until(lambda: place_of(broker, names) == str(count), 60), log.read_text()

    events, dead = read_all(broker, names["vitals"]), read_all(broker, names["dead_letters"])
    everything = set(range(1, count + 1))
    bad = set(filter(is_bad, everything))
    assert {int(kept.headers["cursor"]) for kept in events} == everything - bad
    assert {int(kept.headers["cursor"]) for kept in dead} == bad
    check_records(events, dead)


def check_records(events: list[Kept], dead: list[Kept]) -> None:
    """Every byte is the source's, keys are patients, one patient's readings in order, dead letters say why."""
    seen: dict[str, list[int]] = {}
    for kept in events:
        number = int(kept.headers["cursor"])
        assert (kept.key, kept.value) == (f"patient-{number % PATIENTS}", value_of(number))
        before = seen.setdefault(kept.key, [0])
        if number not in before:  # else it was sent again
            assert number > before[-1]
            before.append(number)
    reasons = set()
    for kept in dead:
        number = int(kept.headers["cursor"])
        whole = line_of(number).removesuffix(b"\n") if is_cut(number) else value_of(number)
        assert (kept.key, kept.headers["source"], kept.value) == ("vitals", "vitals", whole)
        reasons.add(re.split(r" \(byte| but ", kept.headers["reason"])[0])
    assert {"not an object", "spo2: below 0", "not JSON: Input data was truncated"} <= reasons


def place_of(broker: str, names: dict[str, str]) -> str | None:
    """The place that the producer has written last."""
    records = read_all(broker, names["cursors-vitals"])
    places = [json.loads(kept.value)["cursor"] for kept in records if kept.key == "vitals"]
    return places[-1] if places else None


def test_pages_metrics_and_a_clean_end(
    broker: str, make_pipeline_topics: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    names = make_pipeline_topics()
    asked: list[str | None] = []
    served = 250

    def answer(request: Request) -> None:
        asked.append(request.after)
        if len(asked) == 2:
            request.reply(503, b"<html>", "text/html")
            return
        first = int(request.after or 0) + 1
        items = [b'{"cursor": "%d", "record": %s}' % (each, value_of(each)) for each in range(first, served + 1)]
        request.reply(200, b'{"items": [%s], "next": "%d"}' % (b",".join(items), served))

    with serving(answer) as url:
        settings = settings_for(broker, names["pipeline"], url, "poll")
        labels = f'pipeline="{names["pipeline"]}",result="%s",source="vitals"'
        with producing(settings, tmp_path / "one.log"):
            assert wait_until(
                lambda: metric(settings, "health_producer_source_errors_total", 'kind="http_503"') == 1, 30
            )
            assert ask(settings, "/readyz")
            for result, count in (("published", 246), ("dead_letter", 4)):
                assert wait_until(
                    lambda labels=labels % result, count=count: (
                        metric(settings, "health_producer_events_total", labels) == count
                    ),
                    30,
                )
            assert metric(settings, "health_producer_source_lag_seconds", names["pipeline"]) != 0
        assert place_of(broker, names) == "250"
        served, before = 400, len(asked)
        with producing(settings, tmp_path / "two.log"):
            assert wait_until(lambda: size(broker, names["vitals"]) + size(broker, names["dead_letters"]) == 400, 30)
    assert asked[before] == "250"


def test_a_broker_that_comes_late_and_goes_away_for_a_while_loses_nothing(tmp_path: Path) -> None:
    count = 8000
    kafka = KafkaBroker(tmp_path)
    gate = threading.Event()
    log = tmp_path / "producer.log"

    def hold_half(start: int) -> None:
        if start > count // 2:
            gate.wait(60)

    with serving(bad_days(count, hold_half)) as url:
        settings = settings_for(kafka.files.bootstrap, "late", url)
        with producing(settings, log):
            assert wait_until(lambda: "waiting for Kafka at" in log.read_text(), 30)
            assert not ask(settings, "/readyz")
            with kafka:
                assert wait_until(lambda: "waiting for topics to be created" in log.read_text(), 30)
                ensure_topics({"bootstrap.servers": kafka.files.bootstrap}, late_topics())
                assert wait_until(lambda: place_of(kafka.files.bootstrap, LATE) == str(count // 2), 30), log.read_text()
                assert ask(settings, "/readyz")
            gate.set()
            with kafka:
                assert wait_until(lambda: place_of(kafka.files.bootstrap, LATE) == str(count), 60), log.read_text()
                events = read_all(kafka.files.bootstrap, LATE["vitals"])
                dead = read_all(kafka.files.bootstrap, LATE["dead_letters"])
    assert {int(kept.headers["cursor"]) for kept in events + dead} == set(range(1, count + 1))
    check_records(events, dead)
    assert "gave up" not in log.read_text()


def test_records_that_kafka_refuses_are_sent_again_until_it_takes_them(
    broker: str, pipeline_names: Iterator[str], tmp_path: Path
) -> None:
    count, pipeline = 300, next(pipeline_names)
    made = topics(pipeline)
    vitals = next(topic for topic in made if topic.name.endswith(".vitals"))
    too_small = dataclasses.replace(vitals, config={"max.message.bytes": "100"})
    ensure_topics({"bootstrap.servers": broker}, [too_small, *(topic for topic in made if topic is not vitals)])
    names = {
        "vitals": vitals.name,
        "cursors-vitals": f"{pipeline}.cursors-vitals",
        "dead_letters": f"{pipeline}.dead-letters",
    }
    log = tmp_path / "producer.log"
    with serving(bad_days(count)) as url:
        settings = settings_for(broker, pipeline, url)
        with producing(settings, log):
            assert wait_until(lambda: metric(settings, "health_producer_events_total", 'result="retried"') > 0, 30)
            assert place_of(broker, names) is None
            ensure_topics(
                {"bootstrap.servers": broker}, [dataclasses.replace(vitals, config={"max.message.bytes": "1048588"})]
            )
            assert wait_until(lambda: place_of(broker, names) == str(count), 30), log.read_text()
    assert "Kafka does not take a record: Broker: Message size too large" in log.read_text()
    events, dead = read_all(broker, names["vitals"]), read_all(broker, names["dead_letters"])
    assert {int(kept.headers["cursor"]) for kept in events + dead} == set(range(1, count + 1))


LATE = {"vitals": "late.vitals", "dead_letters": "late.dead-letters", "cursors-vitals": "late.cursors-vitals"}


def late_topics() -> tuple[Topic, ...]:
    return topics("late")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"HEALTH_SOURCE": "vital"}, "HEALTH_SOURCE is 'vital'; there are vitals, vehicles"),
        ({"HEALTH_MODE": "push"}, "HEALTH_MODE is 'push'; it must be stream or poll"),
        ({"HEALTH_URL": "vitals.example"}, "HEALTH_URL is 'vitals.example'; it must begin with http:// or https://"),
        ({"HEALTH_SECURITY_PROTOCOL": "TLS"}, "the settings of Kafka do not work: Invalid value"),
        ({"HEALTH_METRICS_PORT": "x"}, "HEALTH_METRICS_PORT cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_one_clear_line(changes: dict[str, str], problem: str) -> None:
    env = dict(os.environ) | settings_for("127.0.0.1:1", "p", "http://127.0.0.1:1").to_env() | changes
    ended = subprocess.run(
        [sys.executable, "-m", "health_producer"], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"health_producer: {problem}")
    assert ended.stderr.count("\n") == 1

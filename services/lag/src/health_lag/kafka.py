"""The watcher's Kafka: alerts and dispatches followed from their beginning, canaries sent, groups looked up and told.

A broker that is away is a log line and nothing new; librdkafka comes back to it by itself.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from health_events import group_name
from health_pipeline.settings import LagSettings, SettingsError

log = logging.getLogger(__name__)

_REQUEST_S = 5.0
_LOOK_EVERY_S, _RETRY_S = 60.0, 2.0  # for partitions that were added; for topics that are not there yet
_COMPLAIN_EVERY_S = 30.0
_POLL_S, _TRANSACTION_S = 0.2, 30.0
_AT_ONCE = 2000

_PRODUCER = {
    "acks": "all",
    "linger.ms": 0,
    "message.timeout.ms": 10_000,  # a canary that is late by more is of no use
    "max.in.flight.requests.per.connection": 1,  # what is sent again is not overtaken by what was sent later
}


@dataclass(frozen=True)
class Record:
    """A record that was read, with the broker's timestamp (UTC ms)."""

    topic: str
    partition: int
    offset: int
    payload: bytes
    written_ms: int


class Complaints:
    """Log lines about what is wrong, with measure: an outage is one trouble, however often and variously it is met."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def about(self, trouble: str, details: str) -> None:
        """Log it, unless the same trouble was logged a moment ago."""
        now = time.monotonic()
        if now - self._told.get(trouble, -math.inf) > _COMPLAIN_EVERY_S:
            self._told[trouble] = now
            log.warning("%s: %s", trouble, details)

    def error(self, error: KafkaError) -> None:
        """librdkafka has a problem, and goes on trying."""
        self.about("Kafka", error.str())


class Reader:
    """Everything that topics hold and get, read_committed, each record once for as long as this lives."""

    def __init__(self, settings: LagSettings, topics: tuple[str, ...]) -> None:
        self._topics = topics
        self._complaints = Complaints()
        try:
            self._consumer = Consumer(_client(settings, self._complaints) | {
                "group.id": group_name(settings.pipeline, "lag"),  # librdkafka asks for one; nothing is committed to it
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            })  # fmt: skip
        except KafkaException as error:
            raise SettingsError(f"the settings of Kafka do not work: {error.args[0].str()}") from error
        self._assigned: set[tuple[str, int]] = set()
        self._unread: set[tuple[str, int]] = set()
        self._next_look = 0.0

    @property
    def is_caught_up(self) -> bool:
        """Whether every partition has been read to its end once."""
        return bool(self._assigned) and not self._unread

    def poll(self, timeout_s: float) -> list[Record]:
        """What has come; waits up to ``timeout_s`` for it, and longer only when Kafka is away."""
        if time.monotonic() >= self._next_look:
            self._look_for_partitions()
        return list(self._records(self._consumer.consume(_AT_ONCE, timeout_s)))

    def end(self, topic: str) -> int | None:
        """How many records a topic without transactions has ever been given; None when Kafka does not say."""
        try:
            partitions = self._consumer.list_topics(topic, timeout=_REQUEST_S).topics[topic].partitions
            ends = [
                self._consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_REQUEST_S)
                for number in partitions
            ]
        except KafkaException as error:
            self._complaints.error(error.args[0])
            return None
        return sum(high for _, high in ends) if ends else None

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()

    def _look_for_partitions(self) -> None:
        self._next_look = time.monotonic() + _RETRY_S
        try:
            there = self._consumer.list_topics(timeout=_REQUEST_S).topics
        except KafkaException as error:
            self._complaints.error(error.args[0])
            return
        missing = [topic for topic in self._topics if topic not in there or there[topic].error]
        if missing:
            self._complaints.about("waiting for topics to be created", ", ".join(missing))
            return
        wanted = {(topic, number) for topic in self._topics for number in there[topic].partitions}
        if new := wanted - self._assigned:
            self._consumer.incremental_assign([TopicPartition(*part, OFFSET_BEGINNING) for part in sorted(new)])
            self._assigned |= new
            self._unread |= new
        self._next_look = time.monotonic() + _LOOK_EVERY_S

    def _records(self, messages: list[Message]) -> Iterator[Record]:
        for message in messages:
            error = message.error()
            topic = message.topic() or ""
            if error is None:
                place = message.partition() or 0, message.offset() or 0
                yield Record(topic, *place, message.value() or b"", message.timestamp()[1])
            elif error.code() == KafkaError._PARTITION_EOF:
                self._unread.discard((topic, message.partition() or 0))
            else:
                self._complaints.error(error)


class Group:
    """How far a consumer group is with a topic. It is asked about, and told, and not joined."""

    def __init__(self, settings: LagSettings, topic: str, group: str) -> None:
        self._topic, self._group = topic, group
        self._complaints = Complaints()
        own: dict[str, Any] = {"group.id": group, "enable.auto.commit": False, "on_commit": self._told}
        # It reads no records. Of offsets in a transaction that hangs, a reader of committed ones is told nothing until
        # its patience ends: then a dispatch that stands still would hold up all that the watcher has to tell of others.
        own |= {"isolation.level": "read_uncommitted"}
        self._consumer = Consumer(_client(settings, self._complaints) | own)

    def committed(self) -> dict[int, int] | None:
        """The next offset by partition, of those that it has committed something of; None when Kafka does not say."""
        try:
            partitions = self._consumer.list_topics(self._topic, timeout=_REQUEST_S).topics[self._topic].partitions
            asked = [TopicPartition(self._topic, number) for number in partitions]
            answers = self._consumer.committed(asked, timeout=_REQUEST_S) if asked else []
        except KafkaException as error:
            self._complaints.error(error.args[0])
            return None
        if any(answer.error for answer in answers):
            return None
        return {answer.partition: answer.offset for answer in answers if answer.offset >= 0}

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Say that it is so far, by partition; nobody waits for it. When Kafka does not take it, that is a log line."""
        places = [TopicPartition(self._topic, *place) for place in offsets.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=True)
            self._consumer.poll(0)  # what became of those before
        except KafkaException as error:
            self._told(error.args[0], [])

    def close(self) -> None:
        """Ask and tell no more."""
        self._consumer.close()

    def _told(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        for trouble in filter(None, (error, *(place.error for place in places))):
            self._complaints.about(f"the offsets of group {self._group} cannot be committed", trouble.str())


class Reports(Protocol):
    """Who wants to know what became of what was sent."""

    def delivered(self, event_id: str, partition: int, offset: int) -> None:
        """Kafka has it, there."""

    def refused(self, event_id: str) -> None:
        """Kafka has not, and never will."""


class Sender:
    """Sends canaries. ``reports`` is told from ``serve`` what became of them."""

    def __init__(self, settings: LagSettings, topic: str, reports: Reports) -> None:
        self._topic, self._reports = topic, reports
        self._complaints = Complaints()
        self._producer = Producer(_client(settings, self._complaints) | _PRODUCER)
        self._partitions: tuple[int, ...] = ()
        self._next_look = 0.0

    def partitions(self) -> tuple[int, ...]:
        """Those of the topic, as far as Kafka has said; empty until it has."""
        if time.monotonic() >= self._next_look:
            try:
                topic = self._producer.list_topics(self._topic, timeout=_REQUEST_S).topics[self._topic]
                self._partitions = tuple(sorted(topic.partitions)) or self._partitions
            except KafkaException as error:
                self._complaints.error(error.args[0])
            self._next_look = time.monotonic() + (_LOOK_EVERY_S if self._partitions else _RETRY_S)
        return self._partitions

    def send(self, event_id: str, key: str, value: bytes, partition: int) -> None:
        """Give it to Kafka, for that partition; -1: any."""
        report = partial(self._reported, event_id)
        try:
            self._producer.produce(self._topic, value, key, partition, on_delivery=report)
        except (KafkaException, BufferError) as error:
            self._reports.refused(event_id)
            self._complaints.about("a canary cannot be sent", str(error))

    def serve(self) -> None:
        """Hear what became of what was sent."""
        self._producer.poll(0)

    def close(self) -> None:
        """Send no more."""
        self._producer.flush(1)
        self._producer.purge()

    def _reported(self, event_id: str, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._reports.delivered(event_id, message.partition() or 0, message.offset() or 0)
        else:
            self._reports.refused(event_id)
            self._complaints.about("a canary was not taken", error.str())


class Unwritten(Exception):
    """Kafka has not taken it, as far as is known; to be tried again by a new Journal."""


class Journal:
    """A topic that one writes at a time: whoever makes one of these takes it over from the one before.

    What that one had open is ended when this is made, so ``records`` are all that it has written.
    """

    def __init__(self, settings: LagSettings, topic: str, stop: threading.Event) -> None:
        self._settings, self._topic, self._stop = settings, topic, stop
        complaints = Complaints()
        self._producer = Producer(_client(settings, complaints) | {"transactional.id": topic})
        try:
            self._producer.init_transactions(_TRANSACTION_S)
        except KafkaException as error:
            raise Unwritten(error.args[0].str()) from error

    def records(self) -> list[bytes]:
        """All that the topic holds; fewer only when it is time to stop."""
        reader, found = Reader(self._settings, (self._topic,)), []
        try:
            while not reader.is_caught_up and not self._stop.is_set():
                found += [record.payload for record in reader.poll(_POLL_S)]
        finally:
            reader.close()
        return found

    def write(self, records: Sequence[tuple[str, bytes]]) -> None:
        """All of them or none, in their order; Unwritten when nobody knows which."""
        try:
            self._producer.begin_transaction()
            for key, value in records:
                self._producer.produce(self._topic, value, key)
            self._producer.commit_transaction(_TRANSACTION_S)
        except (KafkaException, BufferError) as error:
            raise Unwritten(str(error)) from error


def _client(settings: LagSettings, complaints: Complaints) -> dict[str, Any]:
    # Level 2, critical: the client's own line for each of its attempts to connect would be a flood.
    return settings.client_config() | {
        "client.id": f"{settings.pipeline}-lag", "log_level": 2, "error_cb": complaints.error,
        "reconnect.backoff.max.ms": 2000,
    }  # fmt: skip

"""Kafka: the records of a source, and the producer's place in it. The only module here that knows Kafka."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from health_events import CURSORS_TOPIC, DEAD_LETTERS, Header, cursors_of, topic_name
from health_pipeline.settings import ProducerSettings, SettingsError

from health_producer.checking import Bad, Good
from health_producer.metrics import Metrics

log = logging.getLogger(__name__)

Headers = list[tuple[str, str | bytes | None]]

_REQUEST_S = 3.0
_PLACE_EVERY_S = 0.5
_CLOSE_S = 3.0
_COMPLAIN_EVERY_S = 10.0
_RETRY_S = 0.5

# One batch is on its way at a time; what arrives meanwhile makes the next. So a batch is a reading or two when Kafka is
# fast and thousands when it is not. Without this, librdkafka reaches its five requests in flight on a slow broker and
# then waits by spinning: a third of a core, just when there is none to spare.
# How much may arrive meanwhile; then the source has to wait. A record takes about so much more than its value.
_MOST_WAITING_BYTES = 8 * 1024 * 1024
_RECORD_BYTES = 300

_CONFIG = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 1,  # enough for a whole batch to go as one request per partition
    "message.timeout.ms": 0,  # never give up by time: giving up would skip
    "message.max.bytes": 1_048_576,
    "queue.buffering.max.messages": 0,  # bounded by _MOST_WAITING_BYTES
    "reconnect.backoff.max.ms": 2000,  # a broker that is back should not wait for us for ten seconds
    "log_level": 2,  # its errors come to error_cb, from where they are logged with measure
    "partitioner": "murmur2_random",  # as Java clients do, so that a key has one partition whoever writes
}


class Place(msgspec.Struct, frozen=True):
    """The value of a record of the cursors topic."""

    cursor: Annotated[str, msgspec.Meta(min_length=1)]


_read_place = msgspec.json.Decoder(Place).decode


class DeliveryError(Exception):
    """Kafka refused a record; everything after the last delivered place must be sent again."""


class InFlight:
    """Records on their way that were published together; ``place`` is reached when all are delivered."""

    __slots__ = ("dead_letters", "fail", "newest_ms", "outstanding", "place", "published")

    def __init__(self, records: list[Good | Bad], place: str | None, fail: Callable[[KafkaError], None]) -> None:
        good = [record.observed_at for record in records if isinstance(record, Good)]
        self.published = len(good)
        self.dead_letters = len(records) - len(good)
        self.newest_ms = max(good, default=0)
        self.outstanding = len(records)
        self.place = place
        self.fail = fail

    def reported(self, error: KafkaError | None, _: Message) -> None:
        """The delivery report of one record."""
        if error is None:
            self.outstanding -= 1
        else:
            self.fail(error)


class Publisher:
    """Publishes records in order and keeps the place.

    One thread may call ``give``; all else is for the thread that made the publisher. After a DeliveryError a publisher
    is of no more use: close it, and let a new one go on from ``stored_place``.
    """

    def __init__(self, settings: ProducerSettings, metrics: Metrics) -> None:
        self._source = settings.source
        self._metrics = metrics
        self._topic = topic_name(settings.pipeline, settings.source)
        self._dead_letters = topic_name(settings.pipeline, DEAD_LETTERS)
        self._cursors = topic_name(settings.pipeline, cursors_of(settings.source))
        self._shared_cursors = topic_name(settings.pipeline, CURSORS_TOPIC)
        self._next_complaint = 0.0
        self._client = settings.client_config() | {"client.id": f"{settings.pipeline}-producer-{settings.source}"}
        try:
            self._producer = Producer(self._client | _CONFIG, error_cb=self._troubled)
        except KafkaException as error:
            raise SettingsError(f"the settings of Kafka do not work: {error.args[0].str()}") from error
        self._batch: InFlight | None = None
        self._waiting: list[tuple[list[Good | Bad], str | None]] = []
        self._waiting_bytes = 0
        self._changed = threading.Condition()  # guards what is waiting, and _closed
        self._closed = False
        self._failure = ""
        self._place: str | None = None
        self._written: str | None = None
        self._next_write = 0.0

    def wait_for_topics(self, stop: threading.Event) -> None:
        """Until Kafka can be reached and the topics are there; returns early on ``stop``."""
        wanted = {self._topic, self._dead_letters, self._cursors}
        while not stop.is_set():
            try:
                missing = wanted - set(self._producer.list_topics(timeout=_REQUEST_S).topics)
                if not missing:
                    return
                problem = f"waiting for topics to be created: {', '.join(sorted(missing))}"
            except KafkaException as error:
                problem = f"waiting for Kafka at {self._client['bootstrap.servers']}: {error.args[0].str()}"
            self._complain(problem)
            stop.wait(_RETRY_S)

    def stored_place(self) -> str | None:
        """The cursor up to which everything is delivered, None at first; DeliveryError when it cannot be read.

        Where this source's own topic holds nothing, it may be in the one that all sources once had together.
        SettingsError when what is stored is no place: somebody has written it by hand, to go on from another one.
        """
        consumer = Consumer(self._client | {"group.id": self._client["client.id"], "enable.partition.eof": True,
                                            "enable.auto.commit": False, "log_level": 2})  # fmt: skip
        try:
            stored = self._last_place(consumer, self._cursors)
            stored = self._shared_place(consumer) if stored is None else stored  # one of no bytes is falsy
            return None if stored is None else self._cursor_in(stored)
        except KafkaException as error:
            raise DeliveryError(f"the place cannot be read: {error.args[0].str()}") from error
        finally:
            consumer.close()

    def give(self, records: list[Good | Bad], place: str | None) -> None:
        """Hand over ``records`` for publishing; waits while too much is waiting. DeliveryError once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting_bytes < _MOST_WAITING_BYTES)
            if self._closed:
                raise DeliveryError("closed")
            self._waiting.append((records, place))
            self._waiting_bytes += sum(len(record.value) + _RECORD_BYTES for record in records)
            self._changed.notify_all()

    def serve(self, timeout_s: float) -> None:
        """Do what there is to do within about ``timeout_s``: publish, hear of deliveries, write the place."""
        if self._batch:
            self._producer.poll(timeout_s)
        else:
            self._publish_waiting(timeout_s)
            self._producer.poll(0)
        self._settle()
        if self._place != self._written and time.monotonic() >= self._next_write:
            self._write_place()
        if self._failure:
            raise DeliveryError(self._failure)

    def close(self) -> None:
        """Take no more, wait (bounded) until what was taken is delivered, and write the place."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if not self._failure:
            self._producer.flush(_CLOSE_S)
        self._settle()
        if self._place != self._written and not self._failure:
            self._write_place()
            self._producer.flush(1)
        if self._batch:
            self._metrics.retried(self._batch.outstanding)
        self._producer.purge()

    def _publish_waiting(self, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout_s)
            taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
            self._changed.notify_all()
        if taken:
            records = [record for chunk, _ in taken for record in chunk]
            place = next((place for _, place in reversed(taken) if place is not None), None)
            self._publish(InFlight(records, place, self._fail), records)

    def _publish(self, batch: InFlight, records: list[Good | Bad]) -> None:
        self._batch = batch
        for record in records:
            cursor: Headers = [] if record.cursor is None else [(Header.CURSOR.value, record.cursor)]
            if isinstance(record, Good):
                self._send(self._topic, record.key, record.value, cursor, batch.reported)
            else:
                why: Headers = [(Header.SOURCE.value, self._source), (Header.REASON.value, record.reason), *cursor]
                self._send(self._dead_letters, self._source, record.value, why, batch.reported)

    def _send(
        self,
        topic: str,
        key: str,
        value: bytes,
        headers: Headers,
        reported: Callable[[KafkaError | None, Message], None],
    ) -> None:
        try:
            self._producer.produce(topic, value, key, headers=headers, on_delivery=reported)
        except KafkaException as error:
            self._fail(error.args[0])

    def _troubled(self, error: KafkaError) -> None:
        """librdkafka has a problem that is no single record's: mostly it goes on trying by itself."""
        if error.fatal():
            self._fail(error)
        else:
            self._complain(f"Kafka at {self._client['bootstrap.servers']}: {error.str()}")

    def _complain(self, problem: str) -> None:
        """Log it, unless something was logged just now: an outage is one problem, however often it is met."""
        if time.monotonic() >= self._next_complaint:
            log.warning("%s", problem)
            self._next_complaint = time.monotonic() + _COMPLAIN_EVERY_S

    def _fail(self, error: KafkaError) -> None:
        self._failure = self._failure or f"Kafka does not take a record: {error.str()}"

    def _settle(self) -> None:
        """When the batch is delivered, count it and move the place on."""
        batch = self._batch
        if batch and batch.outstanding == 0:
            self._batch = None
            self._place = batch.place or self._place
            self._metrics.delivered(batch.published, batch.dead_letters, batch.newest_ms)

    def _write_place(self) -> None:
        value = json.dumps({"cursor": self._place}).encode()
        self._send(self._cursors, self._source, value, [], self._place_reported)
        self._written = self._place
        self._next_write = time.monotonic() + _PLACE_EVERY_S

    def _place_reported(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._fail(error)

    def _shared_place(self, consumer: Consumer) -> Message | None:
        """As ``_last_place``; None too where that topic is not there, for whoever has no old places needs none."""
        there = self._producer.list_topics(timeout=_REQUEST_S).topics
        return self._last_place(consumer, self._shared_cursors) if self._shared_cursors in there else None

    def _last_place(self, consumer: Consumer, topic: str) -> Message | None:
        """The last record of this source in a topic of places, up to where it ends now.

        Not until it is read to its end: whoever writes to it all the time might let that never be.
        """
        part = TopicPartition(topic, 0, OFFSET_BEGINNING)  # the topic has one partition
        low, end = consumer.get_watermark_offsets(part, timeout=_REQUEST_S)
        last: Message | None = None
        reached = low
        consumer.assign([part])
        while reached < end:
            message = consumer.poll(_REQUEST_S)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                break
            if error is not None:
                raise KafkaException(error)
            if message.key() == self._source.encode():
                last = message
            reached = (message.offset() or 0) + 1
        return last

    def _cursor_in(self, stored: Message) -> str | None:
        """The cursor in a place as stored; a tombstone means the beginning."""
        value = stored.value()
        if value is None:
            return None
        try:
            return _read_place(value).cursor
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SettingsError(
                f"{stored.topic()}, offset {stored.offset()}, is no place to go on from ({error}): write"
                f' {{"cursor": "C"}} with key {self._source}, C being a cursor of the source, or no value at all to'
                " begin anew"
            ) from error

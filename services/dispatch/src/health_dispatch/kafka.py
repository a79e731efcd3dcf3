"""Dispatch's Kafka: alerts by consumer group, vehicles and dispatches followed from a moment on, transactions out.

Two consumers, one thread. *Alerts* come by a group, so that each partition has one owner at a time. *Vehicles and
dispatches* are read whole by every instance, from a moment in the past on, so they are assigned by hand to a second
consumer that commits nothing.

**Fencing.** An instance that was presumed dead may still be about to commit. Two guards, because each alone leaves a
gap:

- Each alerts partition has a transactional id of its own. Who takes a partition over calls ``init_transactions`` first,
  which ends whatever the former owner had open, at once, and refuses all that it tries afterwards. Only then is the
  state read, so it is complete. (With an id per instance, the open transaction of a killed one would hide what is
  behind it until its timeout.)
- Each transaction carries the consumer's group metadata (KIP-447). So an instance that wakes up late and fences the
  rightful owner by its own ``init_transactions`` cannot commit either: its generation is over. The owner, fenced, ends
  and is started again.

An open assignment can be older than any fixed look-back, and so can an alert that waits while nobody runs. So each
commit notes the time of the oldest one in the offset's metadata, in the same transaction, and nothing when there is
none; ``Place.since`` is where reading must begin.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

log = logging.getLogger(__name__)

_CALL_TIMEOUT_S = 5.0  # of one request; it is asked again until the answer comes or we are stopped
_RETRY_S = 1.0
_COMPLAIN_S = 5.0  # between lines about a broker that is away
_SESSION_TIMEOUT_MS = 6000  # the least that brokers allow: how long alerts lie when an instance is killed
_TRANSACTION_TIMEOUT_MS = 10_000
# Brokers answer a transaction that begins right after the last one with "concurrent transactions" until that one's
# markers are written, a few ms; the client's usual 100 ms pause was the p75 of a commit.
_BACKOFF_MS = 5
# An end of partition is only told when a fetch comes back empty; the usual 500 ms, several times over, was most of the
# time that a take-over needed.
_FETCH_WAIT_MS = 50
_MOST_ALERTS, _MOST_FOLLOWED = 500, 20_000  # in one poll

_Answer = TypeVar("_Answer")


class Aborted(Exception):
    """The transaction was undone and nothing of it is visible; what it was about must be read and decided again."""


class Broken(Exception):
    """This process cannot go on; a new one can."""


class Stopped(Exception):
    """We were asked to end while waiting for Kafka."""


@dataclass(frozen=True)
class Arrival:
    """A record: where it was, Kafka's timestamp (UTC ms), and its value."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True)
class Place:
    """How far a partition of alerts is decided: the next offset, and since when decisions are needed (UTC ms).

    ``since`` is None where nothing is open and nothing waits.
    """

    offset: int
    since: int | None


class Client:
    """Calls to Kafka that are repeated, with a log line each time, until they succeed or we are stopped."""

    def __init__(self, config: dict[str, str], stop: threading.Event) -> None:
        # Level 2, critical: the client's own line for each of its attempts to connect would be a flood.
        self.config = {**config, "log_level": 2, "error_cb": self._complain}
        self.stop = stop
        self._complained = -math.inf

    def consumer(self, group: str, more: Mapping[str, str | int | bool] | None = None) -> Consumer:
        """A consumer that commits nothing by itself and sees only what is committed."""
        common = {"enable.auto.commit": False, "isolation.level": "read_committed", "auto.offset.reset": "earliest"}
        return Consumer({**self.config, **common, "group.id": group, **(more or {})})

    def insist(self, what: str, call: Callable[[float], _Answer]) -> _Answer:
        """The answer of ``call(timeout)``; Broken when it can never come, Stopped when we are to end."""
        while not self.stop.is_set():
            try:
                return call(_CALL_TIMEOUT_S)
            except KafkaException as error:
                told = error.args[0]
                if told.fatal():
                    raise Broken(f"{what}: {told.str()}") from error
                log.warning("%s: %s; trying again", what, told.str())
                self.stop.wait(_RETRY_S)
        raise Stopped

    def _complain(self, error: KafkaError) -> None:
        now = time.monotonic()
        if now - self._complained > _COMPLAIN_S:
            self._complained = now
            log.warning("Kafka: %s", error.str())


class Alerts:
    """The alerts of the partitions that this instance owns. ``generation`` grows whenever ``owned`` changes."""

    def __init__(self, client: Client, topic: str, group: str) -> None:
        self._client, self._topic = client, topic
        self._consumer = client.consumer(
            group,
            {
                "session.timeout.ms": _SESSION_TIMEOUT_MS,
                "heartbeat.interval.ms": _SESSION_TIMEOUT_MS // 3,
                "partition.assignment.strategy": "range",  # all is revoked at a rebalance: every state is built anew
            },
        )
        self.generation = 0
        self.owned: tuple[int, ...] | None = None

    def join(self) -> None:
        """Ask for partitions; ``poll`` gets them."""
        self._consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def poll(self, timeout_s: float) -> list[Arrival]:
        """The alerts that are there; returns with the first one, or with none after ``timeout_s``."""
        # consume() alone would wait out its timeout to fill the batch.
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        return list(_arrivals([first, *self._consumer.consume(_MOST_ALERTS - 1, 0)]))

    def places(self) -> dict[int, Place]:
        """The committed place in every partition of the topic, owned or not."""
        topic = self._client.insist(
            "looking up alerts", lambda timeout: self._consumer.list_topics(self._topic, timeout=timeout)
        ).topics[self._topic]
        asked = [TopicPartition(self._topic, number) for number in topic.partitions]
        committed = self._client.insist(
            "asking for the committed place", lambda timeout: _good(self._consumer.committed(asked, timeout=timeout))
        )
        return {one.partition: self._place(one) for one in committed}

    def start(self, offsets: dict[int, int]) -> None:
        """Read the owned partitions from these offsets on."""
        self._consumer.assign([TopicPartition(self._topic, *pair) for pair in offsets.items()])

    def rewind(self, partition: int, offset: int) -> None:
        """Read a partition from there again."""
        try:
            self._consumer.seek(TopicPartition(self._topic, partition, offset))
        except KafkaException as error:
            raise Broken(f"partition {partition} cannot be read again: {error.args[0].str()}") from error

    def group_metadata(self) -> object:
        """Who we are in the group, for the transaction."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()

    def _place(self, committed: TopicPartition) -> Place:
        if committed.offset >= 0:
            return Place(committed.offset, int(committed.metadata) if committed.metadata else None)
        # Decided nothing yet, or so long ago that Kafka forgot: from the beginning; what is too old says so itself.
        low, _ = self._client.insist(
            "asking for the first alert",
            lambda timeout: self._consumer.get_watermark_offsets(committed, timeout=timeout) or (OFFSET_BEGINNING, 0),
        )
        return Place(low, None)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing is read before the state is there (start); without this call the client would begin by itself.
        consumer.assign([])
        self.generation += 1
        self.owned = tuple(sorted(one.partition for one in partitions))

    def _revoked(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        consumer.unassign()
        self.generation += 1
        self.owned = None


class Follower:
    """Whole topics from a moment on, and then for ever."""

    def __init__(self, client: Client, group: str) -> None:
        self._client = client
        self._consumer = client.consumer(group, {"enable.partition.eof": True, "fetch.wait.max.ms": _FETCH_WAIT_MS})

    def reset(self) -> None:
        """Follow nothing."""
        self._consumer.unassign()

    def catch_up(self, topic: str, since: int) -> Iterator[list[Arrival]]:
        """Follow ``topic`` from ``since`` (UTC ms) on, too; yields what comes until all that is there now was read.

        What comes at a time, and nothing when nothing does: so the caller gets to do what cannot wait.
        """
        self._consumer.incremental_assign(self._offsets_at(topic, since))
        behind = {one.partition for one in self._consumer.assignment() if one.topic == topic}
        while behind:
            if self._client.stop.is_set():
                raise Stopped
            messages = self._consumer.consume(_MOST_FOLLOWED, 0.05)
            yield list(_arrivals(messages))
            behind -= {message.partition() for message in messages if _is_end(message) and message.topic() == topic}

    def poll(self) -> list[Arrival]:
        """What has come since the last call; does not wait."""
        return list(_arrivals(self._consumer.consume(_MOST_FOLLOWED, 0)))

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _offsets_at(self, topic: str, since: int) -> list[TopicPartition]:
        described = self._client.insist(
            f"looking up {topic}", lambda timeout: self._consumer.list_topics(topic, timeout=timeout)
        )
        asked = [TopicPartition(topic, number, since) for number in described.topics[topic].partitions]
        return self._client.insist(
            f"looking up offsets of {topic}",
            lambda timeout: _good(self._consumer.offsets_for_times(asked, timeout=timeout)),
        )


class Transactions:
    """A transactional producer per owned partition of alerts."""

    def __init__(self, client: Client, dispatches: str, alerts: str, group: str) -> None:
        self._client, self._dispatches, self._alerts, self._group = client, dispatches, alerts, group
        self._producers: dict[int, Producer] = {}

    def open(self, partitions: Iterable[int]) -> None:
        """Become the only writer for these partitions; what a former one had open is ended when this returns."""
        self._producers = {partition: self._producer(partition) for partition in partitions}
        # All at once: each may have to wait half a second for a coordinator, and no alert is answered meanwhile.
        with ThreadPoolExecutor(max(1, len(self._producers))) as pool:
            list(pool.map(self._take_over, self._producers))

    def close(self) -> None:
        """Write no more."""
        self._producers.clear()

    def commit(self, partition: int, records: Sequence[tuple[str, bytes]], place: Place, group: object) -> None:
        """Write (key, value) records and the place, all or nothing. Aborted, Broken and Stopped as they say."""
        producer = self._producers[partition]
        offset = TopicPartition(self._alerts, partition, place.offset, metadata=_noted(place.since))
        try:
            producer.begin_transaction()
            for key, value in records:
                producer.produce(self._dispatches, value, key, partition)
            self._insist(lambda: producer.send_offsets_to_transaction([offset], group, _CALL_TIMEOUT_S))
            self._insist(producer.commit_transaction)
        except KafkaException as error:
            told = error.args[0]
            if not told.txn_requires_abort():
                raise Broken(f"the transaction failed: {told.str()}") from error
            self._abort(producer)
            raise Aborted(told.str()) from error

    def _take_over(self, partition: int) -> None:
        self._client.insist(f"taking over partition {partition}", self._producers[partition].init_transactions)

    def _producer(self, partition: int) -> Producer:
        return Producer(
            {
                **self._client.config,
                "transactional.id": f"{self._group}.{partition}",
                "transaction.timeout.ms": _TRANSACTION_TIMEOUT_MS,
                "linger.ms": 0,
                "retry.backoff.ms": _BACKOFF_MS,
            }
        )

    def _abort(self, producer: Producer) -> None:
        try:
            self._insist(producer.abort_transaction)
        except KafkaException as error:
            raise Broken(f"the transaction cannot be undone: {error.args[0].str()}") from error

    def _insist(self, call: Callable[[], None]) -> None:
        """Repeat what librdkafka says may be repeated; the broker ends a transaction that takes too long."""
        while True:
            try:
                return call()
            except KafkaException as error:
                told = error.args[0]
                if told.fatal() or told.txn_requires_abort() or not told.retriable():
                    raise
                log.warning("the transaction waits: %s", told.str())
                if self._client.stop.wait(_RETRY_S):
                    raise Stopped from error


def wait_for_topics(client: Client, needed: Sequence[str]) -> None:
    """Return when all these topics exist, the last of them with as many partitions as the first."""
    asker = Producer(client.config)  # which asks about topics only; a consumer would ask for its group as well
    told = ""
    while not client.stop.is_set():
        topics = client.insist("looking for topics", lambda timeout: asker.list_topics(timeout=timeout)).topics
        missing = [name for name in needed if name not in topics]
        counts = [len(topics[name].partitions) for name in needed if name in topics]
        if not missing and counts[-1] >= counts[0]:
            return
        waits = f"waiting for topics: {', '.join(missing)}" if missing else f"waiting for {needed[-1]} to grow"
        if waits != told:
            log.info(waits)
            told = waits
        client.stop.wait(_RETRY_S)
    raise Stopped


def _noted(since: int | None) -> str:
    return "" if since is None else str(since)


def _good(answers: list[TopicPartition]) -> list[TopicPartition]:
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    return answers


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _arrivals(messages: Iterable[Any]) -> Iterator[Arrival]:
    # Any, for the types say that topic, partition and offset could be absent; a record has them.
    for message in messages:
        error = message.error()
        if error is None:
            yield Arrival(
                message.topic(), message.partition(), message.offset(), message.timestamp()[1], message.value() or b""
            )
        elif error.fatal():
            raise Broken(f"reading failed: {error.str()}")
        elif error.code() != KafkaError._PARTITION_EOF:
            log.warning("reading: %s", error.str())

"""The dispatches that vehicles answer, followed on Kafka from the recent past on. The only module that knows Kafka."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import (
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from health_events import DISPATCHES, topic_name
from health_pipeline.settings import KafkaSettings

from health_simulator.vehicles import Order, Release

log = logging.getLogger(__name__)

Command = Order | Release

# A dispatch that was made before the simulator started and is still open lies within this.
_PAST_MS = 60 * 60 * 1000
_TIMEOUT_S, _POLL_S, _RETRY_S = 5.0, 0.2, 2.0
_AT_ONCE = 500


def read_command(payload: bytes | None) -> Command | None:
    """What a record of the dispatches topic asks of a vehicle; None when nothing."""
    try:
        record: Any = json.loads(payload or b"null")
        if not isinstance(record, dict):
            return None
        if record.get("outcome") == "released":
            return Release(str(record["vehicle_id"]), str(record["dispatch_id"]))
        if record.get("outcome") != "dispatched":
            return None
        at = float(record["latitude"]), float(record["longitude"])
        return Order(str(record["vehicle_id"]), str(record["dispatch_id"]), *at)
    except (ValueError, KeyError, TypeError) as error:
        log.warning("a dispatch cannot be read and is left out: %r", error)
        return None


def still_open(commands: Iterable[Command]) -> list[Command]:
    """Of a vehicle's past only the last order matters, and only if it was not released."""
    orders: dict[str, Order] = {}
    for command in commands:
        held = orders.get(command.vehicle_id)
        if isinstance(command, Order):
            orders[command.vehicle_id] = command
        elif held and held.dispatch_id == command.dispatch_id:
            del orders[command.vehicle_id]
    return list(orders.values())


class Follower:
    """Follows the dispatches in a thread of its own and hands commands over, in order, as they come.

    ``give`` is called in that thread. While Kafka is away it keeps trying; the vehicles cruise on meanwhile.
    """

    def __init__(self, settings: KafkaSettings, give: Callable[[list[Command]], None], stop: threading.Event) -> None:
        self._topic = topic_name(settings.pipeline, DISPATCHES)
        self._config = {
            **settings.client_config(),
            "group.id": f"{settings.pipeline}-simulator",  # librdkafka asks for one; nothing is committed to it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "reconnect.backoff.max.ms": 2000,
        }
        self._give, self._stop = give, stop
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, after ``stop`` was set."""
        self._thread.join(_RETRY_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except KafkaException as error:
                log.warning("cannot follow %s, trying again: %s", self._topic, error)
                self._stop.wait(_RETRY_S)

    def _follow(self) -> None:
        consumer = Consumer(self._config, logger=log)
        try:
            places = self._places(consumer)
            consumer.assign(places)
            log.info("following %s (%d partitions)", self._topic, len(places))
            self._give(still_open(self._past(consumer, len(places))))
            while not self._stop.is_set():
                self._give(_commands(consumer.consume(_AT_ONCE, _POLL_S)))
        finally:
            consumer.close()

    def _places(self, consumer: Consumer) -> list[TopicPartition]:
        """Where to begin in each partition, waiting for the topic to be there."""
        while True:
            topic = consumer.list_topics(self._topic, timeout=_TIMEOUT_S).topics[self._topic]
            if topic.partitions and not topic.error:
                break
            log.info("waiting for the topic %s", self._topic)
            if self._stop.wait(_RETRY_S):
                return []
        since = int(time.time() * 1000) - _PAST_MS
        wanted = [TopicPartition(self._topic, partition, since) for partition in topic.partitions]
        places: list[TopicPartition] = consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S)
        for place in places:
            if place.offset < 0:
                place.offset = OFFSET_END
        return places

    def _past(self, consumer: Consumer, partitions: int) -> list[Command]:
        """The commands up to the present end of every partition."""
        commands: list[Command] = []
        ended: set[int | None] = set()
        while len(ended) < partitions and not self._stop.is_set():
            messages = consumer.consume(_AT_ONCE, _POLL_S)
            commands += _commands(messages)
            ended |= {message.partition() for message in messages if _is_end(message)}
        return commands


def _commands(messages: list[Message]) -> list[Command]:
    found = []
    for message in messages:
        error = message.error()
        if error is None:
            found.append(read_command(message.value()))
        elif not _is_end(message):
            raise KafkaException(error)
    return [command for command in found if command is not None]


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF

"""The console's Kafka: what the topics get, and a little of what they hold, so that a fresh page is not empty.

Nothing is committed. A broker that is away is a word to show and nothing new; librdkafka comes back to it by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition
from health_events import group_name
from health_lag.kafka import Complaints
from health_pipeline.settings import ConsoleSettings, SettingsError

_REQUEST_S, _POLL_S = 5.0, 0.1
_LOOK_EVERY_S, _RETRY_S = 30.0, 2.0  # for topics and partitions that are not there yet
_AT_ONCE = 2000
_TROUBLE_S = 10.0  # an error is told of for so long after it was met last


@dataclass(frozen=True)
class Record:
    """A record, with the broker's timestamp (UTC ms) and its headers as text."""

    topic: str
    payload: bytes
    written_at: int
    headers: Mapping[str, str]


class Reader(threading.Thread):
    """Reads topics in a thread of its own and gives portions of records to ``give``, which is called in that thread.

    ``back_ms`` maps a topic to how far back it is read from. ``error`` is what ended the thread, if anything did.
    """

    def __init__(
        self,
        settings: ConsoleSettings,
        back_ms: Mapping[str, int],
        give: Callable[[list[Record]], None],
        stop: threading.Event,
    ) -> None:
        super().__init__(name="kafka", daemon=True)
        self.error: Exception | None = None
        self.topics: tuple[str, ...] = ()
        self._back_ms, self._give, self._stop_event = back_ms, give, stop
        self._complaints = Complaints()
        self._trouble = ("", -_TROUBLE_S)
        self._assigned: set[tuple[str, int]] = set()
        self._next_look = 0.0
        try:
            self._consumer = Consumer(self._config(settings))
        except KafkaException as error:
            raise SettingsError(f"the settings of Kafka do not work: {error.args[0].str()}") from error

    @property
    def trouble(self) -> str:
        """What is wrong with Kafka right now; empty when nothing is."""
        text, met = self._trouble
        return text if time.monotonic() - met < _TROUBLE_S else ""

    def run(self) -> None:
        """Until stopped."""
        try:
            while not self._stop_event.is_set():
                if time.monotonic() >= self._next_look:
                    self._look()
                records = list(self._records(self._consumer.consume(_AT_ONCE, _POLL_S)))
                if records:
                    self._give(records)
        except Exception as error:  # kept for whoever looks after this thread
            self.error = error
        finally:
            self._consumer.close()

    def _config(self, settings: ConsoleSettings) -> dict[str, Any]:
        return settings.client_config() | {
            "client.id": f"{settings.pipeline}-console",
            "group.id": group_name(settings.pipeline, "console"),  # librdkafka asks for one; nothing is committed to it
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "latest",
            "reconnect.backoff.max.ms": 2000,
            "queued.max.messages.kbytes": 16_384,  # a dead letter can have 16 MiB
            "log_level": 2,  # critical: the client's line for each attempt to connect would be a flood
            "error_cb": self._wrong,
        }

    def _look(self) -> None:
        """For partitions that are not followed yet."""
        self._next_look = time.monotonic() + _RETRY_S
        try:
            there = self._consumer.list_topics(timeout=_REQUEST_S).topics
            found = [topic for topic in self._back_ms if topic in there and not there[topic].error]
            wanted = {(topic, number) for topic in found for number in there[topic].partitions}
            if new := sorted(wanted - self._assigned):
                self._consumer.incremental_assign(self._places(new))
                self._assigned |= set(new)
        except KafkaException as error:
            self._wrong(error.args[0])
            return
        self.topics = tuple(found)
        if found:
            self._next_look = time.monotonic() + _LOOK_EVERY_S

    def _places(self, parts: list[tuple[str, int]]) -> list[TopicPartition]:
        """Where to begin; at the end where nothing is so young."""
        now = time.time_ns() // 1_000_000
        asked = [TopicPartition(topic, number, now - self._back_ms[topic]) for topic, number in parts]
        places: list[TopicPartition] = self._consumer.offsets_for_times(asked, timeout=_REQUEST_S)
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
            if place.offset < 0:
                place.offset = OFFSET_END
        return places

    def _records(self, messages: list[Message]) -> Iterator[Record]:
        for message in messages:
            error = message.error()
            if error is not None:
                self._wrong(error)
                continue
            yield Record(message.topic() or "", message.value() or b"", message.timestamp()[1], _headers(message))

    def _wrong(self, error: KafkaError) -> None:
        self._trouble = (error.str(), time.monotonic())
        self._complaints.error(error)


def _headers(message: Message) -> dict[str, str]:
    found: Any = message.headers() or ()  # its type says more than there can be
    return {name: (value or b"").decode(errors="replace") for name, value in found}

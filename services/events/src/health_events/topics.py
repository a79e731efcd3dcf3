"""Where each event travels: names of topics and groups, what is kept and for how long, and the headers of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from health_events.catalogue import ALERTS, DEAD_LETTERS, DISPATCHES, EVENTS, SOURCES
from health_events.fields import Event

DAY_MS = 24 * 60 * 60 * 1000

# A producer's place in its source: key = source, value = JSON {"cursor": str}. Compacted: only the last one matters.
# Each has a topic of its own (``cursors_of``), for Kafka's rights know no keys: who could write another's place could
# move it on, and readings would be skipped. This topic was of all sources together. Nobody writes it any more; a
# producer goes on from it where its own topic holds nothing yet.
CURSORS_TOPIC = "cursors"

# What was decided about the pipeline and on whose word: value = JSON, key = the pipeline's uid and the entry's number.
AUDIT_TOPIC = "audit"
_AUDIT_DAYS = 365


class Header(StrEnum):
    """Headers of a Kafka record, values in UTF-8."""

    CURSOR = "cursor"  # the source's own position of the item, opaque text
    SOURCE = "source"  # dead letters: the feed that the record came from
    REASON = "reason"  # dead letters: what is wrong with it


@dataclass(frozen=True)
class Topic:
    """A topic as it should be on the broker. ``config`` holds Kafka topic settings by their Kafka names.

    ``grows``: whether one that is there with fewer partitions gets more.
    """

    name: str
    partitions: int
    config: dict[str, str] = field(hash=False)
    grows: bool = True


def topic_name(pipeline: str, event: Event | str) -> str:
    """The topic's name on Kafka: ``london.vitals``, ``london.dead-letters``."""
    name = event if isinstance(event, str) else event.name
    return f"{pipeline}.{name.replace('_', '-')}"


def cursors_of(source: Event | str) -> str:
    """What to ask ``topic_name`` for to get the topic of a producer's place: ``london.cursors-vitals``."""
    return f"{CURSORS_TOPIC}-{source if isinstance(source, str) else source.name}"


def group_name(pipeline: str, component: str) -> str:
    """What a component's consumers are to Kafka: ``london.dispatch``. Others may ask how far that group is."""
    return f"{pipeline}.{component}"


def topics(
    pipeline: str,
    events: Iterable[Event] = EVENTS,
    partitions: Mapping[str, int] | None = None,
    retention_ms: Mapping[str, int] | None = None,
) -> tuple[Topic, ...]:
    """The topics of these events, the cursors and the audit.

    ``partitions`` and ``retention_ms`` override, by event name.
    """
    events, partitions, retention_ms = tuple(events), partitions or {}, retention_ms or {}
    kept = [_topic(pipeline, event, partitions.get(event.name), retention_ms.get(event.name)) for event in events]
    # Read from their beginning at each start of a producer: an hour's segments keep what is not compacted yet short.
    compact = {"cleanup.policy": "compact", "segment.ms": str(DAY_MS // 24)}
    places = [*(cursors_of(event) for event in events if event in SOURCES), CURSORS_TOPIC]
    cursors = [Topic(topic_name(pipeline, name), 1, dict(compact)) for name in places]
    # The broker's clock: who writes it does not say when that was.
    trail = {"retention.ms": str(_AUDIT_DAYS * DAY_MS), "message.timestamp.type": "LogAppendTime"}
    return (*kept, *cursors, Topic(topic_name(pipeline, AUDIT_TOPIC), 1, trail))


def _topic(pipeline: str, event: Event, partitions: int | None, retention_ms: int | None) -> Topic:
    default_days = 7 if event in SOURCES else 30
    config = {"retention.ms": str(retention_ms or default_days * DAY_MS)}
    if event in (ALERTS, DISPATCHES):
        # The broker's clock, not the client's: latencies are read from these timestamps and must not flatter.
        config["message.timestamp.type"] = "LogAppendTime"
    default_partitions = 2 if event in SOURCES else 1
    if event is DEAD_LETTERS:
        config["max.message.bytes"] = str(16 * 1024 * 1024)
    # Another number of partitions puts areas, the keys of alerts, into other ones: the owner of the old one, with what
    # waits there and is under way, and that of the new one would decide for one area, and send a vehicle twice. Nobody
    # places a record of dispatches by its key: it is in the partition that its alert was in.
    grows = event is not ALERTS
    return Topic(topic_name(pipeline, event), partitions or default_partitions, config, grows)

"""Topics on a broker as they should be: a function, and ``python -m health_producer.topics`` as a job of its own.

With ``--remove`` the job deletes them, and all that is in them. It reads ``TopicsSettings`` from the environment. It
ends with 0 when every topic is as it should be, 1 when that cannot be done (or not within ``timeout_s``) and 2 when its
settings cannot work. Run again, it changes nothing.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from health_events import Topic
from health_pipeline.settings import SettingsError, TopicsSettings
from health_pipeline.telemetry import set_up_logging, stop_on_signals

log = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
_RETRY_S = 2.0
_LOOK_AGAIN_S = 0.1

_HOW_LONG = re.compile(r" \(after \d+ms in state \w+\)")  # which makes the same obstacle look like another

# What the broker will say again, however often it is asked. All else may pass: a broker that is not up yet, too few
# of them for the replication, a user whose password or rights are still on their way to the broker.
_LASTING = {
    KafkaError.INVALID_CONFIG,
    KafkaError.INVALID_REQUEST,
    KafkaError.POLICY_VIOLATION,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError._INVALID_ARG,
}
# What is said of a partition that is made and has no leader yet, depending on how far the news of it has come.
_NOT_YET_LED = {
    KafkaError._NOENT,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


class TopicsError(Exception):
    """The topics cannot be made; the message says why in one line. ``lasting``: trying again does not help."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


def ensure_topics(client_config: Mapping[str, str], topics: Iterable[Topic], replication: int = 1) -> None:
    """Make these topics exist with at least these partitions and exactly these settings; TopicsError when it fails.

    Calling it again changes nothing. Partitions are never taken away: Kafka cannot. None are added to a topic that does
    not grow. ``replication`` is that of topics that are made now; those that are there keep theirs. What is made can be
    written and read at once. SettingsError when ``client_config`` cannot work.
    """
    wanted = {topic.name: topic for topic in topics}
    _do("made", client_config, lambda admin: _ensure(admin, wanted, replication))


def remove_topics(client_config: Mapping[str, str], names: Iterable[str]) -> None:
    """Delete these topics, with all that is in them; one that is not there is no fault. Errors as of ensure_topics."""
    _do("deleted", client_config, lambda admin: _remove(admin, list(names)))


def _do(what: str, client_config: Mapping[str, str], act: Callable[[AdminClient], None]) -> None:
    troubles: list[str] = []
    admin = _admin(client_config, troubles)
    try:
        act(admin)
    except (KafkaException, TimeoutError) as error:
        admin.poll(0)  # what went wrong below: a refused connection or password, where the call just timed out
        why, lasting = _told(error)
        reason = f"{why} ({troubles[-1]})" if troubles else why
        servers = client_config["bootstrap.servers"]
        raise TopicsError(f"the topics cannot be {what} on {servers}: {reason}", lasting=lasting) from error


def in_time(act: Callable[[], None], timeout_s: float, stop: threading.Event) -> None:
    """Try again and again until ``timeout_s`` is over, with a log line for each new obstacle.

    TopicsError when it does not succeed, SettingsError when the settings cannot work.
    """
    deadline = time.monotonic() + timeout_s
    told: set[str] = set()
    while True:
        try:
            return act()
        except TopicsError as error:
            if error.lasting or stop.is_set() or time.monotonic() + _RETRY_S > deadline:
                raise
            if str(error) not in told:
                told.add(str(error))
                log.warning("%s; trying again for up to %.0f s", error, deadline - time.monotonic())
            stop.wait(_RETRY_S)


def main(arguments: Sequence[str] = ()) -> int:
    """Make the topics that the environment names, or ``--remove`` them; the process's exit code."""
    set_up_logging("topics")
    stop = stop_on_signals()
    is_removal = list(arguments) == ["--remove"]
    if arguments and not is_removal:
        sys.stderr.write(f"health_producer.topics: unknown arguments {' '.join(arguments)}; there is --remove\n")
        return 2
    try:
        settings = _settings()
        in_time(partial(_remove_all if is_removal else _ensure_all, settings), settings.timeout_s, stop)
    except SettingsError as error:
        sys.stderr.write(f"health_producer.topics: {error}\n")
        return 2
    except TopicsError as error:
        log.error("%s", error)
        return 1
    log.info("%d topics are %s", len(settings.topics), "deleted" if is_removal else "as they should be")
    return 0


def _ensure_all(settings: TopicsSettings) -> None:
    ensure_topics(settings.client_config(), settings.topics, settings.replication)


def _remove_all(settings: TopicsSettings) -> None:
    remove_topics(settings.client_config(), [topic.name for topic in settings.topics])


def _settings() -> TopicsSettings:
    settings = TopicsSettings.from_env()
    names = [topic.name for topic in settings.topics]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SettingsError(f"HEALTH_TOPICS names {', '.join(sorted(twice))} twice")
    if few := [topic.name for topic in settings.topics if topic.partitions < 1]:
        raise SettingsError(f"HEALTH_TOPICS: {', '.join(few)} must have at least one partition")
    if settings.replication < 1:
        raise SettingsError(f"HEALTH_REPLICATION is {settings.replication}; it must be at least 1")
    return settings


def _admin(client_config: Mapping[str, str], troubles: list[str]) -> AdminClient:
    def heard(error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # which follows from the others
            troubles.append(_HOW_LONG.sub("", error.str()))

    # librdkafka would print a line per failed connection attempt; the last of them becomes part of our one.
    quiet: dict[str, Any] = {"log_level": 0, "error_cb": heard}
    try:
        return AdminClient({**client_config, **quiet})
    except KafkaException as error:
        raise SettingsError(f"the settings of Kafka do not work: {_told(error)[0]}") from error


def _told(error: KafkaException | TimeoutError) -> tuple[str, bool]:
    """The error in words, and whether it is a lasting one."""
    told = error.args[0] if error.args else None
    if isinstance(told, KafkaError):
        return told.str(), told.code() in _LASTING
    return (str(told) if told else f"no answer within {_TIMEOUT_S:.0f} s"), False


def _ensure(admin: AdminClient, wanted: Mapping[str, Topic], replication: int) -> None:
    there = admin.list_topics(timeout=_TIMEOUT_S).topics
    new = [topic for name, topic in wanted.items() if name not in there]
    kept = [topic for name, topic in wanted.items() if name in there]
    small = [topic for topic in kept if topic.grows and len(there[topic.name].partitions) < topic.partitions]
    _create(admin, new, replication)
    _grow(admin, small)
    _configure(admin, kept)
    _wait_for_leaders(admin, [*new, *small])


def _create(admin: AdminClient, topics: list[Topic], replication: int) -> None:
    new = [NewTopic(topic.name, topic.partitions, replication, config=topic.config) for topic in topics]
    for future in admin.create_topics(new, operation_timeout=_TIMEOUT_S).values() if new else ():
        _settle(future, KafkaError.TOPIC_ALREADY_EXISTS)  # by somebody else in between


def _grow(admin: AdminClient, topics: list[Topic]) -> None:
    new = [NewPartitions(topic.name, topic.partitions) for topic in topics]
    for future in admin.create_partitions(new).values() if new else ():
        _settle(future, KafkaError.INVALID_PARTITIONS)


def _configure(admin: AdminClient, topics: list[Topic]) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in topic.config.items()
            ],
        )
        for topic in topics
        if topic.config
    ]
    for future in admin.incremental_alter_configs(resources).values() if resources else ():
        _settle(future)


def _wait_for_leaders(admin: AdminClient, topics: list[Topic]) -> None:
    """Kafka says that a topic is made before brokers lead its partitions; who writes at once would be refused."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic.name, n): latest for topic in topics for n in range(topic.partitions)}
    until = time.monotonic() + _TIMEOUT_S
    while asked:
        admin.list_topics(timeout=_TIMEOUT_S)  # or what it knew of a topic that has grown since would be the answer
        try:
            for future in admin.list_offsets(asked, request_timeout=_TIMEOUT_S).values():
                _settle(future)
            return
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET_LED or time.monotonic() > until:
                raise
            time.sleep(_LOOK_AGAIN_S)


def _remove(admin: AdminClient, names: list[str]) -> None:
    for future in admin.delete_topics(names, operation_timeout=_TIMEOUT_S).values():
        _settle(future, KafkaError.UNKNOWN_TOPIC_OR_PART)


def _settle(future: Future[Any], *accepted: int) -> None:
    try:
        future.result(timeout=_TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() not in accepted:
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

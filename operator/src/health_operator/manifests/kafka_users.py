"""Who may do what in the pipeline's own Kafka: a user for each component, with rights to what it does and no more.

Whoever may read or write something may also describe it. An idempotent producer needs no right beyond that to write
since Kafka 3.0. Consumers that commit nothing only look their group up, and Spark's do not even that. Who commits in
the name of a group, be it a member or not, has to read it, and the topics as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from health_events import (
    ALERTS,
    AUDIT_TOPIC,
    CURSORS_TOPIC,
    DEAD_LETTERS,
    DISPATCHES,
    VEHICLES,
    VITALS,
    cursors_of,
    group_name,
    topic_name,
)
from health_pipeline import Component
from health_pipeline.settings import AlertsSettings, KafkaSettings, LagSettings, ProducerSettings

from health_operator.bindings import kafka_user, runs_strimzi
from health_operator.manifests.context import Context, Manifest, stage_of
from health_operator.manifests.kafka import API_VERSION, cluster_label

_Rights = Callable[[str, Component], list[Manifest]]


def kafka_users(context: Context, parts: Sequence[Component]) -> list[Manifest]:
    """The KafkaUsers; none where Strimzi runs no Kafka for the pipeline."""
    if not runs_strimzi(context.pipeline, context.platform):
        return []
    return [_user(context, part) for part in parts if isinstance(part.settings, KafkaSettings)]


def _user(context: Context, component: Component) -> Manifest:
    acls = _RIGHTS[stage_of(component)](context.pipeline.name, component)
    name = kafka_user(context.pipeline, component.name)
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaUser",
        "metadata": context.metadata(name, component.name, labels_too=cluster_label(context)),
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def _simulator(pipeline: str, _: Component) -> list[Manifest]:
    return [_topic(pipeline, DISPATCHES.name, "Read"), _acl("group", f"{pipeline}-simulator", "Describe")]


def _producer(pipeline: str, component: Component) -> list[Manifest]:
    settings = component.settings
    source = settings.source if isinstance(settings, ProducerSettings) else ""
    return [
        _topic(pipeline, source, "Write"),
        _topic(pipeline, DEAD_LETTERS.name, "Write"),
        _topic(pipeline, cursors_of(source), "Read", "Write"),
        _topic(pipeline, CURSORS_TOPIC, "Read"),  # its place of before it had a topic for that
        _acl("group", f"{pipeline}-producer-{source}", "Describe"),
    ]


def _landing(pipeline: str, _: Component) -> list[Manifest]:
    """All topics of the pipeline, also of a source that is put into the spec later: it finds them by itself."""
    return [_acl("topic", f"{pipeline}.", "Read", prefix=True), _acl("group", group_name(pipeline, "landing"), "Read")]


def _alerts(pipeline: str, component: Component) -> list[Manifest]:
    """In Real-time Mode it is the watcher that commits."""
    settings = component.settings
    commits = isinstance(settings, AlertsSettings) and settings.latency == "microbatch"
    return [
        _topic(pipeline, VITALS.name, "Read"),
        _topic(pipeline, ALERTS.name, "Write"),
        *([_acl("group", group_name(pipeline, "alerts"), "Read")] if commits else []),
    ]


def _dispatch(pipeline: str, _: Component) -> list[Manifest]:
    return [
        _topic(pipeline, ALERTS.name, "Read"),
        _topic(pipeline, VEHICLES.name, "Read"),
        _topic(pipeline, DISPATCHES.name, "Read", "Write"),
        _acl("group", group_name(pipeline, "dispatch"), "Read", prefix=True),
        _acl("transactionalId", f"{group_name(pipeline, 'dispatch')}.", "Write", prefix=True),
    ]


def _lag(pipeline: str, component: Component) -> list[Manifest]:
    settings = component.settings
    commits = isinstance(settings, LagSettings) and settings.realtime_alerts and settings.canary_interval_s > 0
    return [
        _topic(pipeline, VITALS.name, *(["Read"] if commits else []), "Write"),
        _topic(pipeline, ALERTS.name, "Read"),
        _topic(pipeline, DISPATCHES.name, "Read"),
        _topic(pipeline, DEAD_LETTERS.name, "Describe"),  # it counts them
        _topic(pipeline, AUDIT_TOPIC, "Read", "Write"),
        _acl("transactionalId", topic_name(pipeline, AUDIT_TOPIC), "Write"),
        _acl("group", group_name(pipeline, "lag"), "Describe"),
        _acl("group", group_name(pipeline, "dispatch"), "Describe"),  # how far it is
        *([_acl("group", group_name(pipeline, "alerts"), "Read")] if commits else []),
    ]


def _console(pipeline: str, _: Component) -> list[Manifest]:
    read = (VEHICLES.name, ALERTS.name, DISPATCHES.name, DEAD_LETTERS.name)
    group = _acl("group", group_name(pipeline, "console"), "Describe")
    return [*(_topic(pipeline, name, "Read") for name in read), group]


_RIGHTS: dict[str, _Rights] = {
    "simulator": _simulator,
    "producer": _producer,
    "landing": _landing,
    "alerts": _alerts,
    "dispatch": _dispatch,
    "lag": _lag,
    "console": _console,
}


def _topic(pipeline: str, event: str, *operations: str) -> Manifest:
    return _acl("topic", topic_name(pipeline, event), *operations)


def _acl(kind: str, name: str, *operations: str, prefix: bool = False) -> Manifest:
    """``type`` and ``host`` are written out: the list is compared as a whole."""
    resource = {"type": kind, "name": name, "patternType": "prefix" if prefix else "literal"}
    return {"type": "allow", "resource": resource, "host": "*", "operations": list(operations)}

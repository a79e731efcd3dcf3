"""How a pipeline ends. Each pass does the next thing that is left to do, so it does not matter how often it is begun.

The path is taken down in the order of the data: sources, streams, what comes after them; then, if the spec says so,
the topics and last the Kafka that they are in: topics and users have finalizers that only a running Kafka's operators
remove. Topics in a Kafka that is not the pipeline's own are deleted by a Job, which is waited for, and by another one,
in any case, what the pipeline has in AWS beside its data. What is kept loses
its owner, or the garbage collector would take it with the pipeline. All else goes with the pipeline by its owner
references.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from health_operator.kinds import (
    DEPLOYMENTS,
    HOLD_DATA,
    JOBS,
    KAFKA_NODE_POOLS,
    KAFKA_TOPICS,
    KAFKA_USERS,
    KAFKAS,
    SCHEDULED_SPARK_APPLICATIONS,
    SPARK_APPLICATIONS,
    Kind,
)
from health_operator.naming import COMPONENT_LABEL
from health_operator.plan import Key, foreign
from health_operator.workloads import State, job_state

Object = dict[str, Any]

KAFKA_KINDS = (KAFKA_TOPICS, KAFKA_USERS, KAFKAS, KAFKA_NODE_POOLS)
_RUNNING_KINDS = (DEPLOYMENTS, SPARK_APPLICATIONS, SCHEDULED_SPARK_APPLICATIONS)


@dataclass(frozen=True)
class Step:
    """What to do in this pass. When nothing is left but ``release``, the pipeline's finalizer goes."""

    delete: tuple[Key, ...] = ()
    orphan: tuple[Key, ...] = ()  # take the pipeline out of its owners
    unblock: tuple[Key, ...] = ()  # take away its finalizers
    create: Object | None = None
    waits_for: tuple[Key, ...] = ()
    release: bool = False


def next_step(
    children: Mapping[Key, Object],
    uid: str,
    *,
    deletes_topics: bool,
    is_late: bool,
    namespace_goes: bool,
    removals: Sequence[Object] = (),
) -> Step:
    """``is_late``: it has taken too long, so nothing is waited for any more. ``removals``: Jobs that must be done."""
    ours = {key: live for key, live in children.items() if not foreign(live, uid)}
    kafka = {key: live for key, live in ours.items() if key[0] in KAFKA_KINDS}
    if is_late or namespace_goes:
        return _hurry(kafka, is_late=is_late)
    for tier in _tiers(ours, deletes_topics=deletes_topics):
        if tier:
            to_delete = tuple(key for key in tier if not _is_going(ours[key]))
            return Step(delete=to_delete, waits_for=tuple(key for key in tier if key not in to_delete))
    for removal in removals:
        job = (JOBS, removal["metadata"]["name"])
        if job not in ours:
            return Step(create=removal, waits_for=(job,))
        if job_state(ours[job])[0] is not State.DONE:
            return Step(waits_for=(job,))
    owned = tuple(key for key, live in kafka.items() if key[0] in HOLD_DATA and live["metadata"].get("ownerReferences"))
    return Step(orphan=() if deletes_topics else owned, release=True)


def _hurry(kafka: Mapping[Key, Object], *, is_late: bool) -> Step:
    """Nobody may be left who would remove the finalizers of topics and users, and these would hold the namespace."""
    held = {key: live for key, live in kafka.items() if live["metadata"].get("finalizers")}
    going = tuple(key for key, live in held.items() if _is_going(live))
    staying = () if is_late else tuple(key for key in held if key not in going)
    return Step(delete=staying, unblock=going, release=is_late or not staying)


def _tiers(ours: Mapping[Key, Object], *, deletes_topics: bool) -> Sequence[tuple[Key, ...]]:
    running = [key for key in ours if key[0] in _RUNNING_KINDS]
    by_rank = [tuple(key for key in running if _rank(ours[key]) == rank) for rank in range(3)]
    if not deletes_topics:
        return by_rank
    topics, brokers = _of(ours, KAFKA_TOPICS, KAFKA_USERS), _of(ours, KAFKAS, KAFKA_NODE_POOLS)
    return [*by_rank, topics, brokers]


def _rank(live: Object) -> int:
    component = live["metadata"]["labels"].get(COMPONENT_LABEL, "")
    if component == "simulator" or component.startswith("producer"):
        return 0
    return 1 if component in ("landing", "alerts", "transform") else 2


def _of(ours: Mapping[Key, Object], *kinds: Kind) -> tuple[Key, ...]:
    return tuple(key for key in ours if key[0] in kinds)


def _is_going(live: Object) -> bool:
    return "deletionTimestamp" in live["metadata"]

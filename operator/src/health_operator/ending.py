"""Carries out the end of a pipeline, a step in each pass (``deletion`` says which), and lets go of it at last."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from health_operator import status as statuses
from health_operator.cluster import Cluster, Object
from health_operator.deletion import Step, next_step
from health_operator.errors import Forbidden
from health_operator.events import Events
from health_operator.kinds import HOLD_DATA, JOBS, NAMESPACES, PIPELINES
from health_operator.model import Event, Observed
from health_operator.naming import FINALIZER
from health_operator.plan import Key, foreign
from health_operator.reasons import Note
from health_operator.times import now, seconds_since
from health_operator.together import all_of
from health_operator.workers import Outcome

log = logging.getLogger(__name__)

# What is being deleted wakes us when it is gone; this is for what does not tell.
_AGAIN_SECONDS = 3.0


class Ending:
    """``patience``: seconds after which a pipeline is let go of whatever is still there."""

    def __init__(self, cluster: Cluster, events: Events, patience: float) -> None:
        self._cluster = cluster
        self._events = events
        self._patience = patience

    async def go_on(
        self, live: Object, observed: Observed, topics_removal: Object | None, aws_removals: Sequence[Object]
    ) -> Outcome:
        """One step of the deletion of ``live``.

        ``topics_removal`` and ``aws_removals`` are the Jobs that delete its topics and what it has in AWS; none where
        there is nothing that only a Job could delete.
        """
        metadata = live["metadata"]
        if FINALIZER not in (metadata.get("finalizers") or []):
            return Outcome(0, gone=True, result="deleted")
        namespace = metadata["namespace"]
        is_late = seconds_since(metadata["deletionTimestamp"]) > self._patience
        deletes_topics = (live.get("spec") or {}).get("deletionPolicy") == "delete"
        topics = [topics_removal] if deletes_topics and topics_removal else []
        step = next_step(
            observed.children, metadata["uid"], deletes_topics=deletes_topics, is_late=is_late,
            namespace_goes=await self._namespace_goes(namespace), removals=(*topics, *aws_removals),
        )  # fmt: skip
        await self._carry_out(step, observed, metadata["uid"], namespace)
        await self._tell(live, observed, step, is_late=is_late, deletes_topics=deletes_topics)
        if not step.release:
            return Outcome(_AGAIN_SECONDS, result="deleting")
        await self._release(live)
        return Outcome(0, gone=True, result="deleted")

    async def _carry_out(self, step: Step, observed: Observed, uid: str, namespace: str) -> None:
        children = observed.children
        await all_of(
            self._cluster.delete(key[0], namespace, key[1], children[key]["metadata"]["uid"]) for key in step.delete
        )
        await all_of(self._change(key, children[key], _without_owner(children[key], uid)) for key in step.orphan)
        await all_of(self._change(key, children[key], {"finalizers": None}) for key in step.unblock)
        if step.create is not None:
            await self._cluster.apply(JOBS, step.create)

    async def _change(self, key: Key, live: Object, metadata: Object) -> None:
        version = live["metadata"]["resourceVersion"]
        change = {"metadata": {**metadata, "resourceVersion": version}}
        await self._cluster.merge(key[0], live["metadata"]["namespace"], key[1], change)

    async def _tell(self, live: Object, observed: Observed, step: Step, *, is_late: bool, deletes_topics: bool) -> None:
        data = [
            key
            for key, item in observed.children.items()
            if key[0] in HOLD_DATA and not foreign(item, live["metadata"]["uid"])
        ]
        events = []
        if step.delete:
            events.append(Event(Note.DELETING, f"deletes {_names(step.delete)}"))
        if step.unblock:
            events.append(Event(Note.FINALIZERS_REMOVED, f"takes the finalizers off {_names(step.unblock)}", True))
        if is_late:
            left = _names(key for key in observed.children if key not in step.unblock) or "nothing"
            events.append(Event(Note.DELETION_FORCED, f"lets go after {self._patience:g} s; still there: {left}", True))
        elif step.release and data and not deletes_topics:
            events.append(Event(Note.TOPICS_KEPT, f"kept, as spec.deletionPolicy says: {_names(data)}"))
        elif step.release and not deletes_topics:
            events.append(Event(Note.TOPICS_KEPT, "the topics are left in the Kafka that they are in"))
        elif step.release and deletes_topics:
            events.append(
                Event(Note.TOPICS_DELETED, "the topics are deleted, and the Kafka where it is the pipeline's own")
            )
        await self._events.send(live, events)
        if change := statuses.change(live, statuses.deleting(live, _names(step.delete + step.waits_for), now())):
            await self._cluster.merge(PIPELINES, live["metadata"]["namespace"], live["metadata"]["name"],
                                      {"status": change}, subresource="status")  # fmt: skip

    async def _release(self, live: Object) -> None:
        metadata = live["metadata"]
        latest = await self._cluster.get(PIPELINES, metadata["namespace"], metadata["name"], metadata_only=True)
        if latest is None or latest["metadata"]["uid"] != metadata["uid"]:
            return
        left = [finalizer for finalizer in latest["metadata"].get("finalizers") or [] if finalizer != FINALIZER]
        change = {"metadata": {"finalizers": left, "resourceVersion": latest["metadata"]["resourceVersion"]}}
        await self._cluster.merge(PIPELINES, metadata["namespace"], metadata["name"], change)

    async def _namespace_goes(self, namespace: str) -> bool:
        try:
            found = await self._cluster.get(NAMESPACES, "", namespace, metadata_only=True)
        except Forbidden:  # the role may leave this right out; then the deadline is what helps
            return False
        return found is None or "deletionTimestamp" in found["metadata"]


def _without_owner(live: Object, uid: str) -> Object:
    owners = live["metadata"].get("ownerReferences") or []
    return {"ownerReferences": [owner for owner in owners if owner["uid"] != uid] or None}


def _names(keys: Iterable[Key]) -> str:
    return ", ".join(f"{kind.kind} {name}" for kind, name in keys)

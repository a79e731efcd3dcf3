"""Does what was planned. What one object refuses is noted and does not keep the others from being written."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass

from health_operator.cluster import Cluster
from health_operator.errors import Conflict as Clash
from health_operator.errors import Forbidden, Invalid
from health_operator.model import Done
from health_operator.plan import Apply, Conflict, Delete, Plan, foreign
from health_operator.together import all_of

log = logging.getLogger(__name__)

# What the API server says of a field that stays as it was made. The object is deleted then, and made anew by the next
# reconcile; but none of another operator, which would delete what belongs to it: a Kafka its volumes.
_FIXED = ("immutable", "cannot change roleRef")


@dataclass(frozen=True)
class Place:
    """Whose children are written: namespace, name and uid of the pipeline."""

    namespace: str
    pipeline: str
    uid: str


async def carry_out(cluster: Cluster, plan: Plan, place: Place) -> Done:
    """ClusterError when the API server cannot be reached; what was done until then is done."""
    done = Done(conflicts=[str(conflict) for conflict in plan.conflicts])
    for _, wave in itertools.groupby(plan.applies, key=lambda apply: apply.kind):
        await all_of(_apply(cluster, apply, place, done) for apply in wave)
    for _, batch in itertools.groupby(plan.deletes, key=lambda delete: delete.kind):
        await all_of(_delete(cluster, delete, place.namespace, done) for delete in batch)
    return done


async def _apply(cluster: Cluster, apply: Apply, place: Place, done: Done) -> None:
    title = f"{apply.kind.kind} {apply.name}"
    try:
        if apply.why:
            await cluster.apply(apply.kind, apply.manifest)
            (done.changed if apply.why == "new" else done.repaired).append((title, apply.why))
        elif other := await _create(cluster, apply, place):
            done.conflicts.append(str(Conflict(apply.kind, apply.name, other)))
        else:
            done.created.append(title)
    except Invalid as error:
        if not apply.kind.is_custom and any(word in str(error) for word in _FIXED):
            await _make_way(cluster, apply, place.namespace)
            done.replaced.append(title)
        else:
            done.refused.append(f"{title}: {error}")
    except Forbidden as error:
        done.refused.append(f"{title}: {error}")


async def _create(cluster: Cluster, apply: Apply, place: Place) -> str:
    """Make an object that was not seen among ours; who has its name already, if that is somebody else."""
    live = await cluster.get(apply.kind, place.namespace, apply.name, metadata_only=True)
    if live is not None:
        if other := foreign(live, place.uid, place.pipeline):
            return other
        await cluster.apply(apply.kind, apply.manifest)
        return ""
    try:
        # Not by force: who makes an object of this name at this very moment has made it first.
        await cluster.apply(apply.kind, apply.manifest, force=False)
    except Clash:
        return "it was made by somebody else just now"
    return ""


async def _make_way(cluster: Cluster, apply: Apply, namespace: str) -> None:
    live = await cluster.get(apply.kind, namespace, apply.name, metadata_only=True)
    if live is not None:
        await cluster.delete(apply.kind, namespace, apply.name, live["metadata"]["uid"])


async def _delete(cluster: Cluster, delete: Delete, namespace: str, done: Done) -> None:
    title = f"{delete.kind.kind} {delete.name}"
    try:
        if delete.quiet is not None:
            await cluster.merge(delete.kind, namespace, delete.name, delete.quiet)
        await cluster.delete(delete.kind, namespace, delete.name, delete.uid, whole=delete.whole)
    except Forbidden as error:
        done.refused.append(f"{title}: {error}")
    else:
        done.deleted.append(title)

"""Watches the children of all pipelines and wakes the pipeline of whatever changes.

Only metadata travels (the API server leaves out spec and status), and only of what has our label: a watch of all
ConfigMaps or Deployments of a cluster would be read by us for nothing, and we would need the right to. A change that is
missed is found by the next look; so a watch that breaks is simply begun again from now.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Protocol

from health_operator.cluster import Cluster, Object
from health_operator.errors import ClusterError, Expired
from health_operator.kinds import CHILDREN, Kind
from health_operator.naming import MANAGED_BY, PIPELINE_LABEL
from health_operator.observe import Discovery

log = logging.getLogger(__name__)

# After an error; and how soon the kinds of an operator that is installed later are watched.
_RETRY_SECONDS, _UNSERVED_SECONDS = 3.0, 30.0


class WakeCall(Protocol):
    """``Workers.wake``."""

    def __call__(self, key: tuple[str, str], *, urgent: bool = False, known_only: bool = False) -> None:
        """Look at this pipeline."""


async def watch_children(cluster: Cluster, discovery: Discovery, namespaces: Sequence[str], wake: WakeCall) -> None:
    """For ever. ``namespaces`` empty: all of them."""
    async with asyncio.TaskGroup() as tasks:
        for kind in CHILDREN:
            for namespace in namespaces or ("",):
                tasks.create_task(_watch_kind(cluster, discovery, kind, namespace, wake))


async def _watch_kind(cluster: Cluster, discovery: Discovery, kind: Kind, namespace: str, wake: WakeCall) -> None:
    since = ""
    while True:
        try:
            if kind in await discovery.unserved():
                await asyncio.sleep(_UNSERVED_SECONDS)
                continue
            since = since or await cluster.position(kind, namespace)
            async for change, item in cluster.watch(kind, namespace, MANAGED_BY, since):
                since = item["metadata"]["resourceVersion"]
                if change != "BOOKMARK":
                    _tell(change, item, wake)
        except Expired:
            since = ""
        except ClusterError as error:
            log.info("watch of %s: %s", kind.plural, error)
            since = ""
            await asyncio.sleep(_RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 (spreads load)


def _tell(change: str, item: Object, wake: WakeCall) -> None:
    metadata = item["metadata"]
    pipeline = (metadata.get("labels") or {}).get(PIPELINE_LABEL)
    if pipeline:
        is_going = change == "DELETED" or "deletionTimestamp" in metadata
        wake((metadata["namespace"], pipeline), urgent=is_going, known_only=True)

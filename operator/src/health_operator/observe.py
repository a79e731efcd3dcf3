"""What is there: a pipeline's children, its state and its measures. Nothing is changed here."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Mapping

from health_operator import state as states
from health_operator.cluster import Cluster, Object
from health_operator.kinds import CHILDREN, CONFIG_MAPS, DEPLOYMENTS, Kind
from health_operator.model import NOT_RUNNING, Measures, Observed
from health_operator.naming import MANAGED_BY, PIPELINE_LABEL, child_name
from health_operator.state import State
from health_operator.together import all_of

# Somebody who installs Strimzi should not wait long; nobody removes it without meaning to.
_SERVED_SECONDS, _UNSERVED_SECONDS = 60.0, 20.0

ReadMeasures = Callable[[str, str], Awaitable[Measures]]


class Discovery:
    """Which of the kinds of other operators the cluster has; asked for once in a while."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._asking = asyncio.Lock()

    async def unserved(self) -> frozenset[Kind]:
        """The kinds of children that the cluster does not know."""
        custom = [kind for kind in CHILDREN if kind.is_custom]
        async with self._asking:  # a hundred pipelines at once ask once
            served = {version: await self._kinds(version) for version in {kind.api_version for kind in custom}}
        return frozenset(kind for kind in custom if kind.kind not in served[kind.api_version])

    async def _kinds(self, api_version: str) -> frozenset[str]:
        until, kinds = self._known.get(api_version, (0.0, frozenset()))
        if time.monotonic() >= until:
            kinds = await self._cluster.served(api_version)
            until = time.monotonic() + (_SERVED_SECONDS if kinds else _UNSERVED_SECONDS)
            self._known[api_version] = (until, kinds)
        return kinds


class Observer:
    """Looks at one pipeline at a time, all kinds at once."""

    def __init__(self, cluster: Cluster, discovery: Discovery, read_measures: ReadMeasures) -> None:
        self._cluster = cluster
        self._discovery = discovery
        self._read_measures = read_measures

    async def observe(self, namespace: str, pipeline: str, *, cached: bool) -> Observed:
        """``cached`` looks at what the API server holds in memory; not after a write of ours or in a deletion."""
        unserved = await self._discovery.unserved()
        kinds = [kind for kind in CHILDREN if kind not in unserved]
        labels = {**MANAGED_BY, PIPELINE_LABEL: pipeline}
        lists = await all_of(self._cluster.list(kind, namespace, labels, cached=cached) for kind in kinds)
        children = {
            (kind, str(item["metadata"]["name"])): item
            for kind, listed in zip(kinds, lists, strict=True)
            for item in listed
        }
        lag = children.get((DEPLOYMENTS, child_name(pipeline, "lag")))
        is_measured = lag is not None and lag.get("status", {}).get("readyReplicas", 0) > 0
        measures = await self._read_measures(namespace, pipeline) if is_measured else NOT_RUNNING
        return Observed(children, unserved, _state(children, pipeline), measures)


def _state(children: Mapping[tuple[Kind, str], Object], pipeline: str) -> State:
    """What is on record. Whether there should have been more, only the pipeline's status can tell (``recovery``)."""
    name = states.name(pipeline)
    kept = children.get((CONFIG_MAPS, name))
    if kept is None:
        return State(lost=f"there is no ConfigMap {name}")
    try:
        state = State.from_data(kept.get("data") or {})
    except ValueError as error:
        return State(lost=f"the ConfigMap {name} cannot be read: {error}")
    lost = "" if state.applied else f"the ConfigMap {name} does not say what is applied"
    return dataclasses.replace(state, lost=lost)

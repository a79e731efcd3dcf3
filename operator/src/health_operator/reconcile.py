"""What is done for one pipeline: observe, judge, plan, apply, tell. Level based: it asks what is, never what happened."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from health_operator import metrics, streams
from health_operator import state as states
from health_operator import status as statuses
from health_operator.apply import Done, carry_out
from health_operator.cluster import Cluster, Object
from health_operator.conditions import Condition, flips
from health_operator.ending import Ending
from health_operator.events import Events
from health_operator.gate import Event, Verdict, is_paused, judge, paused
from health_operator.kinds import CONFIG_MAPS, PIPELINES
from health_operator.manifests import Owner, desired
from health_operator.measures import Meter
from health_operator.naming import FINALIZER
from health_operator.observe import Observed, Observer
from health_operator.plan import plan
from health_operator.reasons import ConditionType, Note
from health_operator.settings import OperatorSettings
from health_operator.state import State
from health_operator.status import Known
from health_operator.workers import Key, Outcome
from health_operator.workloads import Workload, workloads

log = logging.getLogger(__name__)

# What was written just now still shows how it was before: a Spark application stays RUNNING until its operator has
# seen the new version, and does not say which version that was.
_SETTLE_SECONDS = 10.0
# While a pipeline is on its way up it is looked at after 2, 3, 4.5, ... seconds, whether anything tells of a change or
# not: nothing does when the first data comes through.
_FIRST_LOOK_SECONDS, _GROWTH = 2.0, 1.5


@dataclass
class _Memory:
    """Of one pipeline, for speed only: a new process does without."""

    wrote: bool = True
    written: dict[str, float] = field(default_factory=dict)  # "Kind name": monotonic seconds
    looks: int = 0
    phase: str = ""


class Reconciler:
    """Does what ``reconcile`` says, with what it needs."""

    def __init__(self, cluster: Cluster, observer: Observer, meter: Meter, settings: OperatorSettings) -> None:
        self._cluster = cluster
        self._observer = observer
        self._meter = meter
        self._settings = settings
        self._events = Events(cluster, settings.identity)
        self._ending = Ending(cluster, self._events, settings.deletion_seconds)
        self._memories: dict[Key, _Memory] = {}

    async def reconcile(self, key: Key, is_woken: bool) -> Outcome:
        """One look at a pipeline. OperatorError when it must be tried again."""
        live = await self._cluster.get(PIPELINES, *key)
        if live is None:
            self._forget(key)
            return Outcome(0, gone=True, result="deleted")
        memory = self._memories.setdefault(key, _Memory())
        # The API server's cache may be behind the change that woke us, or behind what we wrote ourselves.
        may_be_old = not is_woken and not memory.wrote and "deletionTimestamp" not in live["metadata"]
        observed = await self._observer.observe(*key, cached=may_be_old)
        memory.wrote = True  # until it is known otherwise
        if "deletionTimestamp" in live["metadata"]:
            self._count(memory, statuses.Phase.DELETING)
            return await self._ending.go_on(live, observed)
        if is_paused(live):
            return await self._look_only(live, observed, memory)
        verdict = judge(live, observed.state)
        if verdict.rollback is not None:
            return await self._roll_back(live, verdict)
        return await self._bring_about(live, observed, verdict, memory)

    async def _bring_about(self, live: Object, observed: Observed, verdict: Verdict, memory: _Memory) -> Outcome:
        """Make the children what the verdict wants, and tell."""
        live = await self._announce(live, verdict)
        if verdict.pipeline is None:
            return await self._tell(live, Known(verdict, observed), memory)
        owner = owner_of(live)
        wanted = desired(verdict.pipeline, self._settings.platform, owner, verdict.state.checkpoint_epoch)
        found = self._settled(workloads(wanted, observed.children), memory)
        renewals, state = streams.supervise(found, observed.children, verdict.state, time.time())
        verdict = replace(verdict, state=state)
        await self._hold(live)
        done = await self._remember(live, observed, state)
        if not done.conflicts and not done.refused:
            todo = plan(
                wanted, observed.children, owner.uid, unserved=observed.unserved, kept=frozenset({state_key(live)})
            )
            todo = replace(todo, deletes=(*todo.deletes, *(renewal.delete for renewal in renewals)))
            ...

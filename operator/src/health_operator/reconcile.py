"""What is done for one pipeline: observe, judge, plan, apply, tell. It asks what is, never what happened."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from health_pipeline import HealthPipeline

from health_operator import audit, autoscaling, engines, leftovers, metrics, recovery, streams
from health_operator import state as states
from health_operator import status as statuses
from health_operator.apply import Place, carry_out
from health_operator.cluster import Cluster, Object
from health_operator.conditions import flips, reason_of
from health_operator.ending import Ending
from health_operator.errors import Invalid
from health_operator.events import Events
from health_operator.gate import Verdict, is_paused, judge, paused
from health_operator.kinds import CONFIG_MAPS, PIPELINES, Kind
from health_operator.manifests import Owner, aws_removals, desired, topics_removal
from health_operator.manifests.kafka import partitions_of
from health_operator.measures import Meter
from health_operator.model import Done, Event, Observed
from health_operator.naming import FINALIZER, ROLLBACK
from health_operator.objects import Told, targets
from health_operator.observe import Observer
from health_operator.plan import Manifest, Plan, plan
from health_operator.reasons import ConditionType, Note
from health_operator.scaling import Trend
from health_operator.settings import OperatorSettings
from health_operator.state import State
from health_operator.status import Known, Phase
from health_operator.streams import Renewal
from health_operator.times import now
from health_operator.workers import Key, Outcome
from health_operator.workloads import State as Doing
from health_operator.workloads import Workload, workloads

log = logging.getLogger(__name__)

# What was written just now still shows how it was before: a Spark application stays RUNNING until its operator has
# seen the new version, and does not say which version that was.
_SETTLE_SECONDS = 10.0
# While a pipeline is on its way up it is looked at after 2, 3, 4.5, ... seconds, whether anything tells of a change or
# not: nothing does when the first data comes through.
_FIRST_LOOK_SECONDS, _GROWTH = 2.0, 1.5

# More names than this in one message are counted rather than told.
_ENUMERATED = 6


@dataclass
class _Memory:
    """Of one pipeline, for speed and calm only: a new process does without."""

    wrote: bool = True
    written: dict[str, float] = field(default_factory=dict)  # "Kind name": monotonic seconds
    looks: int = 0
    trends: dict[str, Trend] = field(default_factory=dict)  # of what is scaled by its lag
    phase: Phase = Phase.PENDING


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
        is_going = "deletionTimestamp" in live["metadata"]
        # The API server's cache may be behind the change that woke us, or behind what we wrote ourselves.
        observed = await self._look(live, cached=not (is_woken or memory.wrote or is_going))
        memory.wrote = True  # unless it turns out that nothing had to be
        if is_going:
            self._enter(memory, Phase.DELETING)
            metrics.OBJECTS.tell(key, Told({"phase": Phase.DELETING.value}))  # the rest is of no interest any more
            return await self._ending.go_on(live, observed, *self._removals(live, observed))
        if is_paused(live):
            return await self._only_look(live, observed, memory)
        verdict = judge(live, observed.state)
        if verdict.rollback is not None:
            return await self._roll_back(live, observed, verdict)
        live = await self._announce(live, verdict)
        known = await self._bring_about(live, observed, verdict, memory)
        return await self._tell(live, known, memory)

    async def _look(self, live: Object, *, cached: bool) -> Observed:
        """What is there, and what is on record or, where that is lost, can be known without it."""
        observed = await self._observer.observe(*_key(live), cached=cached)
        if cached and recovery.is_missed(live, observed.state):  # the API server's memory may be behind by any time
            observed = await self._observer.observe(*_key(live), cached=False)
        state = recovery.recovered(live, observed.state)
        if "deletionTimestamp" not in live["metadata"]:  # then it is gone by right
            lost = recovery.events(live, observed.state, state)
            for event in lost:
                state = audit.recorded(state, audit.record_lost(live, event.message), now())
            await self._events.send(live, lost)
        return dataclasses.replace(observed, state=state)

    async def _bring_about(self, live: Object, observed: Observed, verdict: Verdict, memory: _Memory) -> Known:
        """Make the children what the verdict wants them to be."""
        pipeline = verdict.pipeline
        if pipeline is None:
            return Known(verdict, observed)
        state = leftovers.remembered(pipeline, observed.children, verdict.state)
        verdict, scaled = _scaled(dataclasses.replace(verdict, state=state), observed, memory)
        wanted, found = self._wanted(live, pipeline, verdict.state, observed)
        found = _settled(found, memory)
        renewals, state = streams.supervise(found, observed.children, verdict.state, time.time())
        await self._hold(live)
        is_new = observed.state.applied != state.applied
        if is_new:  # told before it is on record: rather twice than never
            state = _audited(state, audit.spec_applied(live, observed.state, state, verdict.plan))
        verdict = dataclasses.replace(verdict, state=state)
        done = await self._remember(live, observed, state)
        if done.conflicts or done.refused:
            return Known(verdict, observed, found, (), done)
        todo = self._plan(live, observed, wanted, renewals)
        done = await carry_out(self._cluster, todo, _place(live))
        at = time.monotonic()
        memory.written |= dict.fromkeys(done.created + done.replaced + [name for name, _ in done.changed], at)
        await self._events.send(live, scaled + _renewed(renewals) + _said(done, todo, is_new=is_new))
        return Known(verdict, observed, _settled(found, memory), todo.missing, done)

    async def _only_look(self, live: Object, observed: Observed, memory: _Memory) -> Outcome:
        """A paused pipeline: its status is kept true, nothing else is written."""
        verdict = paused(live, observed.state)
        pipeline, state = verdict.pipeline, verdict.state
        found = self._wanted(live, pipeline, state, observed)[1] if pipeline else []
        if reason_of(live, ConditionType.ACCEPTED) != verdict.reason:
            await self._events.send(live, [Event(Note.PAUSED, verdict.message)])
        return await self._tell(live, Known(verdict, observed, found), memory)

    async def _roll_back(self, live: Object, observed: Observed, verdict: Verdict) -> Outcome:
        """Put the last stable spec back; what follows is an edit like any other."""
        events = verdict.events
        state = await self._remember_rollback(live, observed, observed.state, events)
        try:
            await self._cluster.merge(PIPELINES, *_key(live), verdict.rollback or {})
        except Invalid as error:  # such as partitions that were added since: they cannot be taken away again
            events = (Event(Note.ROLLBACK_REFUSED, f"nothing is rolled back: {error}", is_warning=True),)
            await self._remember_rollback(live, observed, state, events)
            await self._cluster.merge(PIPELINES, *_key(live), {"metadata": {"annotations": {ROLLBACK: None}}})
        await self._events.send(live, events)
        return Outcome(0, result="changed")

    async def _remember_rollback(
        self, live: Object, observed: Observed, state: State, events: Sequence[Event]
    ) -> State:
        """On record before it is done: rather twice than never."""
        state = _audited(state, audit.rolled_back(live, "; ".join(event.message for event in events)))
        if not state.lost:  # what nobody can read is left for somebody to mend
            await self._remember(live, observed, state)
        return state

    async def _announce(self, live: Object, verdict: Verdict) -> Object:
        """Say at once that a new generation was seen; gives the pipeline as it is then."""
        if (live.get("status") or {}).get("observedGeneration") == live["metadata"]["generation"]:
            return live
        await self._events.send(live, verdict.events)
        return await self._write_status(live, statuses.first(live, verdict, now()))

    async def _hold(self, live: Object) -> None:
        """Nothing is made before the pipeline has our finalizer: it could not be taken down in order."""
        metadata = live["metadata"]
        held = metadata.get("finalizers") or []
        if FINALIZER not in held:
            change = {"finalizers": [*held, FINALIZER], "resourceVersion": metadata["resourceVersion"]}
            await self._cluster.merge(PIPELINES, *_key(live), {"metadata": change})

    async def _remember(self, live: Object, observed: Observed, state: State) -> Done:
        """Put the state on record, before anything is done that follows from it."""
        namespace, pipeline = _key(live)
        manifest = states.config_map(pipeline, namespace, _owner(live).reference(), state)
        kept = {key: item for key, item in observed.children.items() if key == _state_key(live)}
        return await carry_out(self._cluster, plan([manifest], kept, live["metadata"]["uid"]), _place(live))

    def _plan(self, live: Object, observed: Observed, wanted: list[Manifest], renewals: tuple[Renewal, ...]) -> Plan:
        todo = plan(wanted, observed.children, live["metadata"]["uid"], unserved=observed.unserved,
                    kept=frozenset({_state_key(live)}))  # fmt: skip
        deletes = engines.whole(live["metadata"]["name"], todo.deletes)
        return dataclasses.replace(todo, deletes=(*deletes, *(renewal.delete for renewal in renewals)))

    async def _tell(self, live: Object, known: Known, memory: _Memory) -> Outcome:
        """Write the status where it has changed, and say when to look again."""
        status, conditions = statuses.status(live, known, now())
        flipped = flips((live.get("status") or {}).get("conditions") or [], conditions)
        is_changed = statuses.change(live, status) is not None
        live = await self._write_status(live, status)
        wanted = known.verdict.pipeline
        metrics.OBJECTS.tell(_key(live), Told(status, targets(wanted.spec.monitoring.slo) if wanted else {}))
        ready = conditions[-1]
        if any(it.type is ConditionType.READY for it in flipped):
            note = Note.READY if ready.holds else Note.NOT_READY
            await self._events.send(live, [Event(note, ready.message, is_warning=not ready.holds)])
        if ready.holds:
            await self._remember_stable(live, known)
        memory.wrote = bool(known.done and known.done.has_written)
        self._enter(memory, Phase(status["phase"]))
        memory.looks = 0 if is_changed else memory.looks + 1
        again = self._settings.resync_seconds
        if memory.phase in (Phase.PROGRESSING, Phase.DEGRADED):
            again = min(again, _FIRST_LOOK_SECONDS * _GROWTH**memory.looks)
        return Outcome(again, result="changed" if memory.wrote else "unchanged")

    async def _remember_stable(self, live: Object, known: Known) -> None:
        """This spec was Ready: it is what a rollback goes back to."""
        state = known.verdict.state
        if state.applied is not None and state.stable != state.applied:
            await self._remember(live, known.observed, dataclasses.replace(state, stable=state.applied))

    async def _write_status(self, live: Object, status: Object) -> Object:
        change = statuses.change(live, status)
        if change is None:
            return live
        return await self._cluster.merge(PIPELINES, *_key(live), {"status": change}, subresource="status") or live

    def _wanted(
        self, live: Object, pipeline: HealthPipeline, state: State, observed: Observed
    ) -> tuple[list[Manifest], list[Workload]]:
        """What there shall be, and how that of it is which runs or waits."""
        waiting = engines.waiting(pipeline, observed.children, state)
        made = desired(
            pipeline, self._settings.platform, _owner(live), state.checkpoint_epoch, in_aws=state.in_aws,
            removes=leftovers.to_remove(pipeline, observed.children, state),
            waits=frozenset(work.component for work in waiting),
            scales={component: scale.replicas for component, scale in state.scales.items()},
            partitions=partitions_of(observed.children),
        )  # fmt: skip
        return made, [*workloads(made, observed.children), *waiting]

    def _removals(self, live: Object, observed: Observed) -> tuple[Manifest | None, list[Manifest]]:
        """The Jobs that delete its topics and what it has in AWS; none where there is nothing for them to do."""
        # Where nobody knows what was applied, what is written is as near as one can come.
        state = dataclasses.replace(observed.state, lost="")
        pipeline = judge(live, state).pipeline
        if pipeline is None:
            return None, []
        state = leftovers.remembered(pipeline, observed.children, state)
        given = (pipeline, self._settings.platform, _owner(live))
        return topics_removal(*given), aws_removals(*given, state.in_aws)

    def _enter(self, memory: _Memory, phase: Phase) -> None:
        memory.phase = phase
        counts = Counter(memory.phase for memory in self._memories.values())
        for each in Phase:
            metrics.PIPELINES.labels(each.value).set(counts[each])

    def _forget(self, key: Key) -> None:
        self._memories.pop(key, None)
        metrics.OBJECTS.forget(key)
        self._meter.forget(*key)


def _key(live: Object) -> Key:
    return live["metadata"]["namespace"], live["metadata"]["name"]


def _place(live: Object) -> Place:
    return Place(*_key(live), live["metadata"]["uid"])


def _owner(live: Object) -> Owner:
    metadata = live["metadata"]
    return Owner(live["apiVersion"], live["kind"], metadata["name"], metadata["uid"])


def _state_key(live: Object) -> tuple[Kind, str]:
    return CONFIG_MAPS, states.name(live["metadata"]["name"])


def _audited(state: State, entry: Object) -> State:
    state = audit.recorded(state, entry, now())
    log.info("audit %s", audit.line(state.audit[-1]))
    return state


def _settled(found: Sequence[Workload], memory: _Memory) -> list[Workload]:
    """What was written just now is on its way, whatever its status still says."""
    at = time.monotonic()
    memory.written = {name: since for name, since in memory.written.items() if at - since < _SETTLE_SECONDS}
    return [
        dataclasses.replace(work, state=Doing.STARTING, why="it was changed just now")
        if f"{work.kind.kind} {work.name}" in memory.written and work.is_well
        else work
        for work in found
    ]


def _scaled(verdict: Verdict, observed: Observed, memory: _Memory) -> tuple[Verdict, list[Event]]:
    """How many there are from now on of what is scaled by its lag, on record; and what to say of it."""
    if verdict.pipeline is None:
        return verdict, []
    before = verdict.state.scales
    after, memory.trends = autoscaling.scaled(verdict.pipeline, before, memory.trends, observed.measures, time.time())
    state = dataclasses.replace(verdict.state, scales=after)
    return dataclasses.replace(verdict, state=state), autoscaling.events(before, after)


def _renewed(renewals: Sequence[Renewal]) -> list[Event]:
    return [
        Event(Note.STREAM_RESTARTED, f"{each.delete.kind.kind} {each.delete.name} is made anew: {each.why}", True)
        for each in renewals
    ]


def _said(done: Done, todo: Plan, *, is_new: bool) -> list[Event]:
    """The events that tell what was done, and on an edit what was not."""
    left = [f"{kind.kind} {name}" for kind, name in todo.left] if is_new else []
    repaired = [f"{name} ({why})" for name, why in done.repaired]
    told = [
        (Note.CREATED if is_new else Note.RESTORED, done.created, False),
        (Note.DRIFT_REPAIRED, repaired, False),
        (Note.REPLACED, done.replaced, False),
        (Note.PRUNED, done.deleted, False),
        (Note.KEPT, left, False),
        (Note.NAME_CONFLICT, done.conflicts, True),
        (Note.APPLY_FAILED, done.refused, True),
    ]
    return [Event(note, _enumerated(names), is_warning) for note, names, is_warning in told if names]


def _enumerated(names: Sequence[str]) -> str:
    """All of a few, else how many there are of each kind."""
    if len(names) <= _ENUMERATED:
        return "; ".join(names)
    kinds = Counter(name.partition(" ")[0] for name in names)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())

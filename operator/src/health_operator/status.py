"""The pipeline's status, from all that is known. Pure; the time is given.

Ready is the sum of the stages. SLOMet is left out of it on purpose: a pipeline that is slow for a while works, and what
waits for Ready (a rollout, a person with kubectl wait) would only be kept from the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from health_operator import autoscaling, recovery
from health_operator.conditions import Condition, merged
from health_operator.gate import Verdict, replacement
from health_operator.model import Done, Observed
from health_operator.reasons import ConditionType, Reason
from health_operator.stages import all_alike, prometheus_missing, stages
from health_operator.state import Snapshot, name
from health_operator.workloads import Workload

Status = dict[str, Any]


class Phase(StrEnum):
    """One word for the printer column; conditions say more."""

    PENDING = "Pending"
    PROGRESSING = "Progressing"
    RUNNING = "Running"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    PAUSED = "Paused"
    DELETING = "Deleting"


@dataclass(frozen=True)
class Known:
    """What a status is made from. ``done`` None: nothing was applied (yet)."""

    verdict: Verdict
    observed: Observed
    found: Sequence[Workload] = ()
    missing: Sequence[str] = ()
    done: Done | None = None


def status(live: dict[str, Any], known: Known, time: str) -> tuple[Status, list[Condition]]:
    """The new status of ``live``, and its conditions before they were merged with the old ones."""
    before: Status = live.get("status") or {}
    generation = int(live["metadata"]["generation"])
    conditions = _conditions(known)
    verdict = known.verdict
    stable = verdict.state.stable
    new: Status = {
        "observedGeneration": generation,
        "phase": _phase(known, conditions, before).value,
        "conditions": merged(before.get("conditions") or [], conditions, generation, time),
        "components": _components(known.found),
        "slo": dict(known.observed.measures.figures) or before.get("slo"),
        "autoscaling": autoscaling.told(verdict.pipeline, verdict.state.scales) if verdict.pipeline else None,
        "plan": verdict.plan or _same_plan(before, generation),
        # What is not known any more is still what was told: it is all that the record can be made again from.
        "appliedSpec": recovery.told(verdict.state) or before.get("appliedSpec"),
        "auditSequence": before.get("auditSequence") if verdict.state.lost else verdict.state.audited or None,
        "lastStableSpec": _stable(live, stable) if stable else None,
        "checkpointEpoch": verdict.state.checkpoint_epoch or None,
    }
    # No list is written that has nothing in it, but for those that always have.
    new["autoscaling"] = new["autoscaling"] or None
    return {key: value for key, value in new.items() if value is not None}, conditions


def first(live: dict[str, Any], verdict: Verdict, time: str) -> Status:
    """The status that is written before anything is done for a new generation: somebody is at it.

    The stages are left as they are: most edits do not stop them, and a condition that only blinks tells nothing. Their
    observedGeneration says that they are not about the new generation yet, which kubectl wait heeds.
    """
    before: Status = live.get("status") or {}
    generation = int(live["metadata"]["generation"])
    accepted = Condition(ConditionType.ACCEPTED, verdict.accepted, verdict.reason, verdict.message)
    earlier = before.get("conditions") or []
    rest = [condition for condition in earlier if condition.get("type") != ConditionType.ACCEPTED]
    if not rest:
        waiting = all_alike(None, Reason.NOT_APPLIED, "not looked at yet")
        ready = Condition(ConditionType.READY, False, Reason.NOT_APPLIED, "being applied")
        rest = merged([], [*waiting, ready], generation, time)
    new = {
        **before,
        "observedGeneration": generation,
        "phase": before.get("phase") or Phase.PROGRESSING.value,
        "conditions": [*merged(earlier, [accepted], generation, time), *rest],
        "plan": verdict.plan or _same_plan(before, generation),
    }
    return {key: value for key, value in new.items() if value is not None}


def deleting(live: dict[str, Any], waits_for: str, time: str) -> Status:
    """The status of a pipeline that is on its way out."""
    before: Status = live.get("status") or {}
    message = f"waits for {waits_for}" if waits_for else "everything is taken down"
    ready = Condition(ConditionType.READY, False, Reason.DELETING, message)
    earlier = before.get("conditions") or []
    rest = [condition for condition in earlier if condition.get("type") != ConditionType.READY]
    conditions = [*rest, *merged(earlier, [ready], int(live["metadata"]["generation"]), time)]
    return {**before, "phase": Phase.DELETING.value, "conditions": conditions}


def change(live: dict[str, Any], new: Status) -> Status | None:
    """The merge patch from the old status to the new, or None when there is nothing to write."""
    return replacement(live.get("status") or {}, new) or None


def _conditions(known: Known) -> list[Condition]:
    accepted = _accepted(known)
    pipeline = known.verdict.pipeline
    if pipeline is None:
        lost = known.verdict.state.lost
        middle = all_alike(None, Reason.NOT_APPLIED, lost or "no spec was ever applied")
    elif pipeline.spec.suspend:
        middle = all_alike(False, Reason.SUSPENDED, "spec.suspend is true")
    else:
        middle = stages(pipeline, known.found, known.missing, known.observed.measures)
    return [accepted, *middle, _ready([accepted, *middle])]


def _accepted(known: Known) -> Condition:
    verdict, done, kind = known.verdict, known.done, ConditionType.ACCEPTED
    if verdict.accepted and done is not None and done.conflicts:
        return Condition(kind, False, Reason.NAME_CONFLICT, "not ours, so not touched: " + "; ".join(done.conflicts))
    if verdict.accepted and done is not None and done.refused:
        return Condition(kind, False, Reason.APPLY_FAILED, "; ".join(done.refused))
    if verdict.reason is Reason.ACCEPTED and prometheus_missing(known.missing):
        message = f"{verdict.message}, but for PodMonitors: the cluster has no Prometheus operator"
        return Condition(kind, True, Reason.PROMETHEUS_OPERATOR_MISSING, message)
    holds = None if verdict.reason is Reason.PAUSED and not verdict.accepted else verdict.accepted
    return Condition(kind, holds, verdict.reason, verdict.message)


def _ready(conditions: Sequence[Condition]) -> Condition:
    kind = ConditionType.READY
    in_the_way = [it for it in conditions if it.type is not ConditionType.SLO_MET and not it.holds]
    if not in_the_way:
        return Condition(kind, True, Reason.ALL_READY, "every part runs, and data flows from the sources to the tables")
    names = ", ".join(it.type.value for it in in_the_way)
    return Condition(kind, False, in_the_way[0].reason, f"waits for {names}")


def _phase(known: Known, conditions: Sequence[Condition], before: Status) -> Phase:
    pipeline = known.verdict.pipeline
    if known.verdict.reason is Reason.PAUSED:
        return Phase.PAUSED
    if pipeline is None:
        return Phase.DEGRADED if known.verdict.state.lost else Phase.PENDING
    if pipeline.spec.suspend:
        return Phase.SUSPENDED
    if conditions[-1].holds:
        return Phase.RUNNING
    was_up = before.get("phase") in (Phase.RUNNING, Phase.DEGRADED)
    return Phase.DEGRADED if was_up else Phase.PROGRESSING


def _components(found: Sequence[Workload]) -> list[dict[str, str]]:
    """One line for each component; of several workloads (topics) the one that is furthest from well."""
    worst: dict[str, Workload] = {}
    for work in found:
        other = worst.get(work.component)
        if other is None or (other.is_well and not work.is_well):
            worst[work.component] = work
    return [
        {"name": name, "state": work.state.value} | ({"reason": f"{work.name}: {work.why}"[:256]} if work.why else {})
        for name, work in worst.items()
    ]


def _stable(live: dict[str, Any], stable: Snapshot) -> dict[str, Any]:
    return {"configMap": name(live["metadata"]["name"]), "generation": stable.generation}


def _same_plan(before: Status, generation: int) -> dict[str, Any] | None:
    plan = before.get("plan")
    return plan if plan and plan.get("generation") == generation else None

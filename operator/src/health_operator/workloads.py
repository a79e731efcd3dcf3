"""How each child that runs something is doing, told in one word and a reason. Pure: objects in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from health_operator.kinds import (
    DEPLOYMENTS,
    JOBS,
    KAFKA_TOPICS,
    KAFKAS,
    SCHEDULED_SPARK_APPLICATIONS,
    SPARK_APPLICATIONS,
    Kind,
    kind_of,
)
from health_operator.naming import COMPONENT_LABEL

Object = Mapping[str, Any]


class State(StrEnum):
    """States of a workload."""

    RUNNING = "Running"
    STARTING = "Starting"
    DONE = "Done"
    FAILING = "Failing"
    MISSING = "Missing"
    IDLE = "Idle"
    WAITING = "Waiting"


@dataclass(frozen=True)
class Workload:
    """One child that runs something."""

    kind: Kind
    name: str
    component: str
    state: State
    why: str = ""

    @property
    def is_well(self) -> bool:
        """Nothing is left to wait for."""
        return self.state in (State.RUNNING, State.DONE, State.IDLE)


def workloads(desired: Iterable[dict[str, Any]], observed: Mapping[tuple[Kind, str], Object]) -> list[Workload]:
    """Those that are wanted, in the order in which they are made."""
    found = []
    for manifest in desired:
        kind, metadata = kind_of(manifest), manifest["metadata"]
        if kind in _LOOK:
            name, component = metadata["name"], metadata["labels"][COMPONENT_LABEL]
            live = observed.get((kind, name))
            state, why = _LOOK[kind](live) if live is not None else (State.MISSING, "it is not there yet")
            found.append(Workload(kind, name, component, state, why))
    return found


def condition_of(live: Object, kind: str) -> Mapping[str, Any]:
    """A condition in an object's status, or an empty one."""
    conditions = (live.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _deployment(live: Object) -> tuple[State, str]:
    wanted, status = (live.get("spec") or {}).get("replicas", 1), live.get("status") or {}
    if wanted == 0:
        return State.IDLE, "scaled to none"
    failure = condition_of(live, "ReplicaFailure")
    progress = condition_of(live, "Progressing")
    if failure.get("status") == "True":
        return State.FAILING, failure.get("message", "")
    if _is_stale(live):
        return State.STARTING, "its new version is not rolled out yet"
    ready, updated = status.get("availableReplicas", 0), status.get("updatedReplicas", 0)
    if ready >= wanted and updated >= wanted:
        return State.RUNNING, ""
    why = f"{ready} of {wanted} available, {updated} up to date"
    return (State.FAILING if progress.get("status") == "False" else State.STARTING), why


def job_state(live: Object) -> tuple[State, str]:
    """Of a Job: how it is, and why."""
    if condition_of(live, "Complete").get("status") == "True":
        return State.DONE, ""
    failed = condition_of(live, "Failed")
    if failed.get("status") == "True":
        return State.FAILING, failed.get("message", "")
    return State.STARTING, "it has not ended yet"


def _spark_application(live: Object) -> tuple[State, str]:
    application = (live.get("status") or {}).get("applicationState") or {}
    state = application.get("state") or "not submitted"
    if state == "RUNNING":
        return State.RUNNING, ""
    why = f"{state} {application.get('errorMessage', '')}".strip()
    return (State.FAILING if state in ENDED or state in UNWELL else State.STARTING), why


# States from which the Spark operator brings no application back, and those from which it means to.
ENDED = ("FAILED", "COMPLETED")
UNWELL = ("SUBMISSION_FAILED", "FAILING")


def _scheduled_spark_application(live: Object) -> tuple[State, str]:
    status = live.get("status") or {}
    if status.get("scheduleState") == "FailedValidation":
        return State.FAILING, status.get("reason", "")
    if (live.get("spec") or {}).get("suspend"):
        return State.IDLE, "suspended"
    good = max(status.get("pastSuccessfulRunNames") or [""], key=_run_time)
    bad = max(status.get("pastFailedRunNames") or [""], key=_run_time)
    if bad and _run_time(bad) > _run_time(good):
        return State.FAILING, f"run {bad} failed"
    if good:
        return State.DONE, f"run {good} succeeded"
    latest = status.get("lastRunName")
    return State.IDLE, f"run {latest} is the first" if latest else "no run was due yet"


def _run_time(name: str) -> int:
    """Runs are named after the nanosecond that they began in."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _custom(live: Object) -> tuple[State, str]:
    """Strimzi: Ready stays True from before a change, so the generation counts as well."""
    ready = condition_of(live, "Ready")
    if (live.get("status") or {}).get("observedGeneration") != live["metadata"].get("generation"):
        return State.STARTING, "its operator has not seen its latest version yet"
    if ready.get("status") == "True":
        return State.RUNNING, ""
    not_ready = condition_of(live, "NotReady")
    why = str(ready.get("message") or not_ready.get("message") or ready.get("reason") or "not ready yet")
    return State.STARTING, why


def _is_stale(live: Object) -> bool:
    return int((live.get("status") or {}).get("observedGeneration") or 0) < int(live["metadata"].get("generation") or 0)


_LOOK = {
    KAFKAS: _custom,
    KAFKA_TOPICS: _custom,
    JOBS: job_state,
    DEPLOYMENTS: _deployment,
    SPARK_APPLICATIONS: _spark_application,
    SCHEDULED_SPARK_APPLICATIONS: _scheduled_spark_application,
}

"""How each kind of child is read, from status as its controller writes it."""

from __future__ import annotations

from typing import Any

import pytest
from health_operator.kinds import (
    DEPLOYMENTS,
    JOBS,
    KAFKA_TOPICS,
    KAFKAS,
    SCHEDULED_SPARK_APPLICATIONS,
    SPARK_APPLICATIONS,
    Kind,
)
from health_operator.naming import labels
from health_operator.workloads import State, workloads


def manifest(kind: Kind) -> dict[str, Any]:
    metadata = {"name": "x", "labels": labels("london", "part"), "generation": 2}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def read(kind: Kind, status: dict[str, Any], **spec: Any) -> tuple[State, str]:
    (work,) = workloads([manifest(kind)], {(kind, "x"): {**manifest(kind), "spec": spec, "status": status}})
    return work.state, work.why


def conditions(*given: tuple[str, str], message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "message": message} for kind, status in given]}


UP = {"observedGeneration": 2, "availableReplicas": 2, "updatedReplicas": 2}


@pytest.mark.parametrize(
    ("status", "replicas", "state"),
    [
        pytest.param(UP, 2, State.RUNNING, id="up"),
        pytest.param({**UP, "observedGeneration": 1}, 2, State.STARTING, id="old generation"),
        pytest.param({**UP, "updatedReplicas": 1}, 2, State.STARTING, id="old pods"),
        pytest.param({**UP, "availableReplicas": 1}, 2, State.STARTING, id="not available"),
        pytest.param({**UP, "availableReplicas": 1, **conditions(("Progressing", "False"))}, 2, State.FAILING,
                     id="deadline"),
        pytest.param({**UP, **conditions(("ReplicaFailure", "True"))}, 2, State.FAILING, id="no pods may be made"),
        pytest.param({}, 2, State.STARTING, id="new"),
        pytest.param({}, 0, State.IDLE, id="none wanted"),
    ],
)  # fmt: skip
def test_deployments(status: dict[str, Any], replicas: int, state: State) -> None:
    assert read(DEPLOYMENTS, status, replicas=replicas)[0] is state


def test_jobs() -> None:
    assert read(JOBS, {})[0] is State.STARTING
    assert read(JOBS, conditions(("Complete", "True")))[0] is State.DONE
    assert read(JOBS, conditions(("Failed", "True"), message="BackoffLimit")) == (State.FAILING, "BackoffLimit")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("", State.STARTING), ("SUBMITTED", State.STARTING), ("RUNNING", State.RUNNING), ("FAILED", State.FAILING),
        ("COMPLETED", State.FAILING), ("SUBMISSION_FAILED", State.FAILING), ("PENDING_RERUN", State.STARTING),
    ],
)  # fmt: skip
def test_spark_applications(name: str, state: State) -> None:
    assert read(SPARK_APPLICATIONS, {"applicationState": {"state": name}})[0] is state


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [
        pytest.param([], [], State.IDLE, id="none was due"),
        pytest.param(["t-2"], ["t-1"], State.DONE, id="better by now"),
        pytest.param(["t-9"], ["t-10"], State.FAILING, id="worse by now"),
        pytest.param([], ["t-1"], State.FAILING, id="never good"),
    ],
)
def test_schedules_are_as_their_latest_run(good: list[str], bad: list[str], state: State) -> None:
    status = {"pastSuccessfulRunNames": good, "pastFailedRunNames": bad}
    assert read(SCHEDULED_SPARK_APPLICATIONS, status)[0] is state


def test_a_schedule_that_nobody_can_read() -> None:
    status = {"scheduleState": "FailedValidation", "reason": "bad cron"}
    assert read(SCHEDULED_SPARK_APPLICATIONS, status) == (State.FAILING, "bad cron")


@pytest.mark.parametrize("kind", [KAFKAS, KAFKA_TOPICS])
def test_strimzi_is_believed_only_of_the_latest_generation(kind: Kind) -> None:
    ready = conditions(("Ready", "True"))
    assert read(kind, {**ready, "observedGeneration": 1})[0] is State.STARTING
    assert read(kind, {**ready, "observedGeneration": 2})[0] is State.RUNNING
    waits = {**conditions(("NotReady", "True"), message="no volume"), "observedGeneration": 2}
    assert read(kind, waits) == (State.STARTING, "no volume")


def test_what_is_not_there() -> None:
    (work,) = workloads([manifest(DEPLOYMENTS)], {})
    assert (work.state, work.component) == (State.MISSING, "part")
    assert not work.is_well

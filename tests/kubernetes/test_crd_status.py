"""The status of a HealthPipeline: its subresource, its schema, and what kubectl shows of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.pipelines import Pipelines
from tests.unit.health_pipeline.test_reader import smallest

READY = {
    "type": "Ready",
    "status": "True",
    "lastTransitionTime": "2026-01-31T12:00:00Z",
    "reason": "AllWell",
    "message": "",
    "observedGeneration": 1,
}
STATUS = {
    "observedGeneration": 1,
    "phase": "Running",
    "conditions": [READY],
    "components": [{"name": "landing", "state": "Ready"}],
    "autoscaling": [],
    "slo": {"eventsPerSecond": 1234.5, "lagSeconds": 2, "alertLatencyP99Ms": 18.5, "dispatches": 7,
            "lastEventTime": "2026-01-31T12:00:00.250Z"},
    "plan": {"generation": 1, "impact": "Rolling", "edits": [
        {"path": "spec.dispatch.radiusKm", "impact": "Rolling", "components": ["dispatch"], "what": "10 -> 20"}]},
    "appliedSpec": {"generation": 1, "digest": "0a1b"},
    "lastStableSpec": {"configMap": "london-last-stable", "generation": 1},
    "checkpointEpoch": "2",
}  # fmt: skip


@pytest.fixture
def london(pipelines: Pipelines, namespace: str) -> tuple[str, ...]:
    """The arguments that name a pipeline which is there."""
    pipelines.create(smallest())
    return ("hp", "london", "-n", namespace)


def patch(status: dict[str, Any]) -> tuple[str, ...]:
    return ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def test_all_that_the_operator_says_is_kept_and_the_generation_stays(kube: ApiServer, london: tuple[str, ...]) -> None:
    kube.kubectl("patch", *london, *patch(STATUS))
    found = kube.get(*london)
    assert found["status"] == STATUS
    assert found["metadata"]["generation"] == 1


def test_kubectl_shows_the_columns(kube: ApiServer, london: tuple[str, ...]) -> None:
    kube.kubectl("patch", *london, *patch(STATUS))
    head, row = kube.kubectl("get", *london).splitlines()
    assert head.split() == ["NAME", "READY", "EVENTS/S", "LAG", "ALERT", "P99", "DISPATCHES", "AGE"]
    assert row.split()[:-1] == ["london", "True", "1234.5", "2", "18.5", "7"]
    head, row = kube.kubectl("get", *london, "-o", "wide").splitlines()
    assert (head.split()[-2:], row.split()[-2:]) == (["PHASE", "REASON"], ["Running", "AllWell"])


def test_it_is_waited_for_and_found_by_its_category(kube: ApiServer, london: tuple[str, ...], namespace: str) -> None:
    assert kube.try_kubectl("wait", "--for=condition=Ready", *london, "--timeout=0").returncode != 0
    kube.kubectl("patch", *london, *patch({"conditions": [READY]}))
    kube.kubectl("wait", "--for=condition=Ready", *london, "--timeout=0")
    assert "london" in kube.kubectl("get", "health", "-n", namespace)


def test_a_user_of_the_resource_does_not_write_its_status(kube: ApiServer, london: tuple[str, ...]) -> None:
    kube.kubectl("patch", *london, "--type=merge", "-p", json.dumps({"status": STATUS}))
    assert "status" not in kube.get(*london)


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"conditions": [{**READY, "status": "Maybe"}]}, 'status.conditions[0].status: Unsupported value: "Maybe"'),
        ({"conditions": [{**READY, "lastTransitionTime": "noon"}]}, "status.conditions[0].lastTransitionTime"),
        ({"conditions": [READY, READY]}, "status.conditions[1]: Duplicate value"),
        ({"plan": {"generation": 1, "impact": "Total"}}, 'status.plan.impact: Unsupported value: "Total"'),
    ],
)
def test_what_no_condition_is(kube: ApiServer, london: tuple[str, ...], status: dict[str, Any], problem: str) -> None:
    done = kube.try_kubectl("patch", *london, *patch(status))
    assert done.returncode == 1
    assert problem in done.stderr


def test_every_field_explains_itself(kube: ApiServer, crd: None) -> None:  # noqa: ARG001 (must be there)
    assert "How far a vehicle may be from the patient" in kube.kubectl("explain", "hp.spec.dispatch.radiusKm")

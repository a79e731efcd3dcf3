"""Children are made, kept as they are wanted, and nobody else's object is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Object, Operator, Space, until
from tests.kubernetes.other_operators import (
    DEPLOYMENTS,
    JOBS,
    SPARK_APPLICATIONS,
    define_others,
    forget_spark,
)
from tests.kubernetes.sample_pipelines import PIPELINES, condition, pipeline, reason

pytestmark = pytest.mark.usefixtures("other_operators")

COUNTED = (
    "v1/serviceaccounts", "v1/configmaps", "v1/services", "v1/events", DEPLOYMENTS, JOBS,
    "policy/v1/poddisruptionbudgets", SPARK_APPLICATIONS, "health-streaming.com/v1alpha1/healthpipelines",
)  # fmt: skip


def made(space: Space, start: Callable[..., Operator], **spec: object) -> Operator:
    """An operator that has made a new pipeline's children, and rests."""
    space.create(PIPELINES, pipeline("london", **spec))
    operator = start()
    until(lambda: space.find(DEPLOYMENTS, "london-lag"), "the children", operator)
    rests(space, operator)
    return operator


def rests(space: Space, operator: Operator) -> None:
    """Wait until nothing is written between two looks."""

    def is_quiet() -> bool:
        before, looks = space.versions(*COUNTED), operator.metric("health_operator_reconcile_seconds_count")
        until(lambda: operator.metric("health_operator_reconcile_seconds_count") >= looks + 2, "two looks", operator)
        return space.versions(*COUNTED) == before

    until(is_quiet, "rest", operator)


def test_children_are_made_with_their_owner_and_a_resync_writes_nothing(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    operator = made(space, start_operator)
    owner = space.get(PIPELINES, "london")["metadata"]
    assert owner["finalizers"] == ["health-streaming.com/operator"]
    for collection in (DEPLOYMENTS, JOBS, SPARK_APPLICATIONS, "v1/serviceaccounts", "v1/services"):
        children = space.list(collection)
        assert children, collection
        for child in children:
            metadata = child["metadata"]
            assert [each["uid"] for each in metadata["ownerReferences"]] == [owner["uid"]], metadata["name"]
            assert metadata["labels"]["health-streaming.com/pipeline"] == "london"
    writes = operator.metric("health_operator_writes_total")
    looks = operator.metric("health_operator_reconcile_seconds_count")
    until(lambda: operator.metric("health_operator_reconcile_seconds_count") >= looks + 3, "three looks", operator)
    lease_renewals = operator.metric("health_operator_writes_total") - writes
    before = space.versions(*COUNTED)
    until(lambda: operator.metric("health_operator_reconcile_seconds_count") >= looks + 6, "more looks", operator)
    assert space.versions(*COUNTED) == before
    assert lease_renewals < 60


def test_what_is_deleted_or_changed_comes_back_within_seconds(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    operator = made(space, start_operator)
    first = space.get(DEPLOYMENTS, "london-dispatch")["metadata"]["uid"]
    space.delete(DEPLOYMENTS, "london-dispatch")
    until(lambda: space.find(DEPLOYMENTS, "london-dispatch"), "the Deployment is back", operator, within=30)
    assert space.get(DEPLOYMENTS, "london-dispatch")["metadata"]["uid"] != first

    space.patch(DEPLOYMENTS, "london-lag", {"spec": {"replicas": 3}})
    until(lambda: space.get(DEPLOYMENTS, "london-lag")["spec"]["replicas"] == 1, "the drift is repaired", operator)

    space.patch("v1/services", "london-lag", {"metadata": {"labels": {"app.kubernetes.io/component": "mine"}}})
    until(lambda: space.get("v1/services", "london-lag")["metadata"]["labels"]["app.kubernetes.io/component"] == "lag",
          "the label is repaired", operator)  # fmt: skip
    said = {event["reason"] for event in space.list("v1/events")}
    assert {"SpecApplied", "Created", "Restored", "DriftRepaired"} <= said


def test_what_others_add_is_left_alone(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = made(space, start_operator)
    space.patch(DEPLOYMENTS, "london-lag", {"metadata": {"annotations": {"team": "a"}, "labels": {"team": "a"}}})
    rests(space, operator)
    metadata = space.get(DEPLOYMENTS, "london-lag")["metadata"]
    assert metadata["annotations"]["team"] == metadata["labels"]["team"] == "a"


def test_a_restart_that_somebody_asks_for_is_no_drift(space: Space, start_operator: Callable[..., Operator]) -> None:
    """As ``kubectl rollout restart`` asks, which is how a renewed Secret gets to the pods."""
    operator = made(space, start_operator)
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    space.patch(DEPLOYMENTS, "london-lag", {"spec": {"template": {"metadata": {"annotations": restarted}}}})
    rests(space, operator)
    template = space.get(DEPLOYMENTS, "london-lag")["spec"]["template"]
    assert template["metadata"]["annotations"].items() >= restarted.items()


def test_an_object_of_that_name_that_is_not_ours_is_not_touched(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    theirs = space.create("v1/services", service("london-lag"))
    space.create(PIPELINES, pipeline("london"))
    operator = start_operator()
    until(lambda: reason(space, "Accepted") == "NameConflict", "the conflict is told", operator)
    assert "Service london-lag" in condition(space, "Accepted")["message"]
    assert space.find(DEPLOYMENTS, "london-dispatch")  # the rest goes on
    rests(space, operator)
    assert (
        space.get("v1/services", "london-lag")["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"]
    )

    space.delete("v1/services", "london-lag")
    until(lambda: reason(space, "Accepted") == "Accepted", "the conflict is over", operator)
    assert space.get("v1/services", "london-lag")["metadata"]["ownerReferences"]


def test_a_stranger_with_our_labels_is_neither_adopted_nor_pruned(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    operator = made(space, start_operator)
    labels = space.get(DEPLOYMENTS, "london-lag")["metadata"]["labels"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "00000000-0000-0000-0000-000000000000"}
    theirs = service("london-theirs", labels=labels, ownerReferences=[owner])
    version = space.create("v1/services", theirs)["metadata"]["resourceVersion"]
    rests(space, operator)
    assert space.get("v1/services", "london-theirs")["metadata"]["resourceVersion"] == version


def test_what_the_spec_no_longer_wants_is_pruned(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = made(space, start_operator)
    spec = space.get(PIPELINES, "london")["spec"]
    space.patch(PIPELINES, "london", {"spec": {"sources": [it for it in spec["sources"] if it["name"] != "weather"]}})
    until(lambda: not space.find(DEPLOYMENTS, "london-producer-weather"), "the producer is gone", operator)
    until(lambda: not space.find("v1/services", "london-producer-weather"), "its Service is gone", operator)
    assert space.find("v1/configmaps", "london-state")
    assert space.find(DEPLOYMENTS, "london-producer-vitals")


def test_without_the_spark_operator_the_rest_goes_on_until_it_comes(
    space: Space, kube: ApiServer, start_operator: Callable[..., Operator]
) -> None:
    forget_spark(kube)
    try:
        space.create(PIPELINES, pipeline("london"))
        operator = start_operator()
        until(lambda: reason(space, "StreamingReady") == "SparkOperatorMissing", "it is missed", operator)
        until(lambda: space.find(DEPLOYMENTS, "london-dispatch"), "the rest is made", operator)
        assert condition(space, "Accepted")["status"] == "True"
    finally:
        define_others(kube)
    until(lambda: space.find(SPARK_APPLICATIONS, "london-landing"), "the streams are made", operator)


def service(name: str, **metadata: object) -> Object:
    """Somebody's Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, **metadata},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
    }

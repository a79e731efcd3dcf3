"""The end of a pipeline: in order, keeping what is to be kept, and never hanging."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Object, Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, KAFKAS, SPARK_APPLICATIONS, TOPICS
from tests.kubernetes.sample_pipelines import PIPELINES, events, pipeline

pytestmark = pytest.mark.usefixtures("other_operators")

FINALIZER = "strimzi.io/topic-operator"


def running(space: Space, start: Callable[..., Operator], policy: str, **settings: str) -> Operator:
    """The operator of a pipeline whose children are there."""
    space.create(PIPELINES, pipeline("london", deletionPolicy=policy))
    operator = start(**settings)
    until(lambda: space.find(SPARK_APPLICATIONS, "london-landing"), "the children", operator)
    return operator


def kafka(space: Space, *, finalizers: bool = False) -> None:
    """A Kafka and a topic of the pipeline, as Strimzi's mode makes them."""
    for collection, kind, name in ((KAFKAS, "Kafka", "london"), (TOPICS, "KafkaTopic", "london-vitals")):
        manifest = owned(space, "kafka.strimzi.io/v1", kind, name)
        if finalizers and kind == "KafkaTopic":
            manifest["metadata"]["finalizers"] = [FINALIZER]
        space.create(collection, manifest)


def owned(space: Space, version: str, kind: str, name: str) -> Object:
    """A child that nothing desires; the operator prunes it unless its pipeline is being deleted by then."""
    metadata = space.get(DEPLOYMENTS, "london-lag")["metadata"]
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": metadata["labels"], "ownerReferences": metadata["ownerReferences"]},
        "spec": {},
    }


def test_what_runs_goes_first_and_then_the_pipeline(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = running(space, start_operator, "keep")
    space.delete(PIPELINES, "london")
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    assert not space.list(DEPLOYMENTS)
    assert not space.list(SPARK_APPLICATIONS)
    assert space.list("v1/services")  # these are the garbage collector's, and none runs here
    assert "TopicsKept" in events(space)


def test_the_next_tier_waits_for_the_one_before(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = running(space, start_operator, "keep")
    held = {"metadata": {"finalizers": ["test/held"]}}
    space.patch(DEPLOYMENTS, "london-simulator", held)
    space.delete(PIPELINES, "london")
    until(lambda: not space.find(DEPLOYMENTS, "london-producer-vitals"), "the producers go", operator)
    looks = operator.metric("health_operator_reconcile_seconds_count")
    until(lambda: operator.metric("health_operator_reconcile_seconds_count") >= looks + 2, "two looks", operator)
    assert space.find(SPARK_APPLICATIONS, "london-landing")
    status = space.get(PIPELINES, "london")["status"]
    assert status["phase"] == "Deleting"
    assert "london-simulator" in status["conditions"][-1]["message"]

    space.patch(DEPLOYMENTS, "london-simulator", {"metadata": {"finalizers": None}})
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_topics_go_or_stay_as_the_policy_says(
    space: Space, start_operator: Callable[..., Operator], policy: str
) -> None:
    operator = running(space, start_operator, policy)
    operator.stop()  # or it would prune what nothing in this spec desires
    space.delete(PIPELINES, "london")
    kafka(space)
    operator.start()
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    left = space.list(KAFKAS) + space.list(TOPICS)
    if policy == "delete":
        assert left == []
        assert "TopicsDeleted" in events(space)
    else:
        assert [item["metadata"].get("ownerReferences") for item in left] == [None, None]
        assert "TopicsKept" in events(space)


def test_a_namespace_that_is_deleted_is_not_held_by_a_topics_finalizer(
    space: Space, kube: ApiServer, start_operator: Callable[..., Operator]
) -> None:
    operator = running(space, start_operator, "delete")
    operator.stop()
    kafka(space, finalizers=True)
    kube.kubectl("delete", "namespace", space.namespace, "--wait=false")
    space.delete(PIPELINES, "london")  # as the namespace's controller does with everything; none runs here
    operator.start()
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    assert space.list(TOPICS) == []


def test_after_the_deadline_it_lets_go(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = running(space, start_operator, "keep", deletion_seconds="6")
    space.patch(DEPLOYMENTS, "london-simulator", {"metadata": {"finalizers": ["test/held"]}})
    space.delete(PIPELINES, "london")
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    assert space.find(DEPLOYMENTS, "london-simulator")
    assert "DeletionForced" in events(space)


def test_without_an_operator_the_documented_way_out_works(
    space: Space, kube: ApiServer, start_operator: Callable[..., Operator]
) -> None:
    operator = running(space, start_operator, "keep")
    operator.stop()
    kube.kubectl("delete", "hp", "-n", space.namespace, "london", "--wait=false")
    assert space.find(PIPELINES, "london")
    kube.kubectl(
        "patch", "hp", "-n", space.namespace, "london", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    assert not space.find(PIPELINES, "london")

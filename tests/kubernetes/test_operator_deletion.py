"""The end of a pipeline: in order, keeping what is to be kept, and never hanging."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, JOBS, KAFKAS, SPARK_APPLICATIONS, TOPICS, Controllers
from tests.kubernetes.sample_pipelines import PIPELINES, events, is_true, pipeline

pytestmark = pytest.mark.usefixtures("other_operators")

FINALIZER = "strimzi.io/topic-operator"
OWNED = (
    "policy/v1/poddisruptionbudgets", "networking.k8s.io/v1/networkpolicies",
    "rbac.authorization.k8s.io/v1/rolebindings", "kafka.strimzi.io/v1/kafkausers",
)  # fmt: skip
OWN_KAFKA = '{"stand_ins": {"aws": "http://aws.test:4566"}}'  # nothing stands in for Kafka


def running(space: Space, start: Callable[..., Operator], policy: str, **settings: str) -> Operator:
    """The operator of a pipeline whose children are there."""
    space.create(PIPELINES, pipeline("london", deletionPolicy=policy))
    operator = start(**settings)
    until(lambda: space.find(SPARK_APPLICATIONS, "london-landing"), "the children", operator)
    return operator


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
    operator = running(space, start_operator, policy, platform=OWN_KAFKA)
    assert space.list(KAFKAS)
    topics = [item["metadata"]["name"] for item in space.list(TOPICS)]
    assert "london.vitals" in topics
    space.delete(PIPELINES, "london")
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    left = space.list(KAFKAS) + space.list(TOPICS)
    if policy == "delete":
        assert left == []
        assert "TopicsDeleted" in events(space)
    else:
        assert [item["metadata"].get("ownerReferences") for item in left] == [None] * (1 + len(topics))
        assert "TopicsKept" in events(space)


def test_topics_in_a_kafka_of_somebody_elses_are_deleted_by_a_job_before_the_pipeline_goes(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    operator = running(space, start_operator, "delete")
    space.delete(PIPELINES, "london")
    until(lambda: space.find(JOBS, "london-topics-removal"), "the job", operator)
    job = space.get(JOBS, "london-topics-removal")
    assert job["spec"]["template"]["spec"]["containers"][0]["args"][-1] == "--remove"
    assert not space.list(DEPLOYMENTS)
    assert space.find(PIPELINES, "london")
    Controllers(space).run()  # the job is done
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    assert "TopicsDeleted" in events(space)


CRAWLED = {"mode": "crawler", "crawler": {"roleArn": "arn:aws:iam::123456789012:role/london-glue-crawler"}}


def removal_job(space: Space) -> str:
    return next((name for item in space.list(JOBS) if "catalog-removal" in (name := item["metadata"]["name"])), "")


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_what_is_in_aws_is_removed_by_a_job_whatever_the_policy_says_of_data(
    space: Space, start_operator: Callable[..., Operator], policy: str
) -> None:
    space.create(PIPELINES, pipeline("london", deletionPolicy=policy, catalog=CRAWLED))
    operator = start_operator(platform=OWN_KAFKA)
    until(lambda: space.find(DEPLOYMENTS, "london-catalog"), "the keeper", operator)
    space.delete(PIPELINES, "london")
    until(lambda: removal_job(space), "the job", operator)
    args = space.get(JOBS, removal_job(space))["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == ["python", "-m", "health_catalog.crawlers", "remove"]
    assert not space.list(DEPLOYMENTS)
    assert space.find(PIPELINES, "london")
    Controllers(space).run()  # the job is done
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)


def test_who_wants_no_crawlers_any_more_has_them_removed(space: Space, start_operator: Callable[..., Operator]) -> None:
    space.create(PIPELINES, pipeline("london", catalog=CRAWLED))
    operator = start_operator()
    until(lambda: space.find(DEPLOYMENTS, "london-catalog"), "the keeper", operator)
    space.patch(PIPELINES, "london", {"spec": {"catalog": {"mode": "register", "crawler": None}}})
    until(lambda: Controllers(space).collect() or removal_job(space), "the job", operator)
    assert not space.find(DEPLOYMENTS, "london-catalog")
    assert space.find("v1/serviceaccounts", "london-catalog")
    Controllers(space).run()  # the job is done
    until(lambda: not removal_job(space), "it is forgotten", operator)
    until(lambda: not space.find("v1/serviceaccounts", "london-catalog"), "so is who it was", operator)
    assert space.find(SPARK_APPLICATIONS, "london-landing")


def test_a_policy_that_is_changed_at_the_last_moment_counts(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    """What would go with the pipeline by its owner is let go of first."""
    operator = running(space, start_operator, "delete", platform=OWN_KAFKA)
    operator.stop()
    space.patch(PIPELINES, "london", {"spec": {"deletionPolicy": "keep"}})
    space.delete(PIPELINES, "london")
    operator.start()
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    (kafka,) = space.list(KAFKAS)
    assert not kafka["metadata"].get("ownerReferences")


def test_a_pipeline_of_the_same_name_takes_its_kafka_over_again(
    space: Space, start_operator: Callable[..., Operator]
) -> None:
    operator = running(space, start_operator, "keep", platform=OWN_KAFKA)
    (before,) = space.list(KAFKAS)
    space.delete(PIPELINES, "london")
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    for collection in ("v1/services", "v1/serviceaccounts", "v1/configmaps", *OWNED):  # as the garbage collector does
        for item in space.list(collection):
            space.delete(collection, item["metadata"]["name"])
    space.create(PIPELINES, pipeline("london"))
    until(lambda: space.find(SPARK_APPLICATIONS, "london-landing"), "the children", operator)
    until(lambda: is_true(space, "Accepted"), "without a conflict", operator)
    (after,) = space.list(KAFKAS)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_an_edit_never_takes_a_topic_along(space: Space, start_operator: Callable[..., Operator]) -> None:
    operator = running(space, start_operator, "delete", platform=OWN_KAFKA)
    sources = pipeline("london")["spec"]["sources"]
    space.patch(PIPELINES, "london", {"spec": {"sources": sources[:2]}})
    until(lambda: not space.find(DEPLOYMENTS, "london-producer-weather"), "the producer goes", operator)
    until(lambda: "Kept" in events(space), "it is told", operator)
    assert space.find(TOPICS, "london.weather")


def test_a_namespace_that_is_deleted_is_not_held_by_a_topics_finalizer(
    space: Space, kube: ApiServer, start_operator: Callable[..., Operator]
) -> None:
    operator = running(space, start_operator, "delete", platform=OWN_KAFKA)
    operator.stop()
    for topic in space.list(TOPICS):  # as the topic operator does
        space.patch(TOPICS, topic["metadata"]["name"], {"metadata": {"finalizers": [FINALIZER]}})
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

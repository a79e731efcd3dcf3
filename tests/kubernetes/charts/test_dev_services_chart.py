"""dev-services is reached under the names that it tells, writes only to what is mounted and is not evicted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kubernetes.charts.helm import Helm, Object, named
from tests.kubernetes.charts.value_sets import DEV_SERVICES

CHART = "dev-services"


def test_every_container_is_read_only_but_for_what_is_mounted_and_has_a_limit(helm: Helm) -> None:
    for name, writes in {"dev-kafka": {"/tmp", "/var/lib/kafka"}, "dev-aws": {"/tmp"}}.items():  # noqa: S108
        container = _container(helm.template(CHART, {}), name)
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == writes
        assert container["resources"]["limits"].keys() >= {"memory"}


def test_kafka_tells_clients_the_address_of_its_service(helm: Helm) -> None:
    objects = helm.template(CHART, {}, "demo")
    told = {each["name"]: each["value"] for each in _container(objects, "dev-kafka")["env"]}
    assert named(objects, "Service", "dev-kafka")["spec"]["ports"][0]["port"] == 9092
    assert told == {"ADVERTISED_HOST": "dev-kafka.demo.svc", "HEAP": "384m"}


def test_what_is_lost_with_its_pod_is_not_evicted_nor_killed_for_being_slow(helm: Helm) -> None:
    def protected(values: str) -> set[str]:
        objects = helm.template(CHART, DEV_SERVICES[values])
        budgets = [each for each in objects if each["kind"] == "PodDisruptionBudget"]
        assert all(budget["spec"]["maxUnavailable"] == 0 for budget in budgets)
        return {budget["metadata"]["name"] for budget in budgets}

    assert protected("defaults") == {"dev-kafka", "dev-aws"}
    assert protected("persistent") == {"dev-aws"}
    assert "livenessProbe" not in _container(helm.template(CHART, {}), "dev-aws")


def test_a_new_version_of_the_chart_does_not_replace_the_pods(helm: Helm) -> None:
    for each in helm.template(CHART, {}):
        if each["kind"] in ("Deployment", "StatefulSet"):
            assert "helm.sh/chart" not in each["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kafka": {"heap": "much"}}, "/kafka/heap"),
        ({"image": {"tag": "a b"}}, "/image/tag"),
        ({"aws": {"resources": {"limits": {"memory": "lots"}}}}, "/aws/resources/limits/memory"),
    ],
)
def test_a_value_that_cannot_be_is_refused(helm: Helm, values: dict[str, Any], complaint: str) -> None:
    assert complaint in helm.refusal(CHART, values)


def _container(objects: list[Object], name: str) -> Object:
    (workload,) = [
        each for each in objects if each["kind"] in ("Deployment", "StatefulSet") and each["metadata"]["name"] == name
    ]
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    found: Object = container
    return found

"""The platform on a real API server: valid, restricted, installed, upgraded, taken away; definitions and data stay.

The server is one that knows the kinds of Strimzi and of the Prometheus operator. Nothing runs on it, so what comes of
the objects is seen elsewhere (`make e2e`, and of the Spark operator's chart `make cluster-up`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import yaml
from healthctl.embedded.waiting import wait_until

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.definitions import prometheus_kinds
from tests.kubernetes.charts.helm import CHARTS, Helm, Object, platform
from tests.kubernetes.charts.value_sets import PLATFORM, PLATFORM_CASES, Case
from tests.kubernetes.strimzi.definitions import strimzi_definitions

CHART = "health-platform"
EXAMPLES = CHARTS.parent / "k8s" / "examples"
STRICT_DRY_RUN = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
SYSTEM = "health-system"
TEAMS = PLATFORM["everything"]["health-operator"]["watchNamespaces"]
DEFINITIONS = ("healthpipelines.health-streaming.com", "sparkapplications.sparkoperator.k8s.io")
SERVED_WITHIN_S = 30


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server with the kinds of others, and namespaces of which all but Strimzi's are restricted."""
    with ApiServer(tmp_path_factory.mktemp("platform")) as kube:
        files = [*prometheus_kinds(), *strimzi_definitions()]
        kube.kubectl("apply", "--server-side", *(f"--filename={file}" for file in files))
        for name in (SYSTEM, *TEAMS):
            label = {"pod-security.kubernetes.io/enforce": "restricted"}
            kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label}})
        for kinds in ("podmonitors,prometheusrules", "kafkausers.kafka.strimzi.io"):
            assert wait_until(lambda kinds=kinds: not kube.try_kubectl("get", kinds).returncode, SERVED_WITHIN_S)
        yield kube


@pytest.fixture(scope="module")
def cluster_helm(cluster: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm that talks to it."""
    return Helm(tmp_path_factory.mktemp("platform-helm"), cluster.environment)


@pytest.mark.parametrize("case", PLATFORM_CASES, ids=str)
def test_every_object_is_valid(cluster: ApiServer, helm: Helm, case: Case) -> None:
    objects = helm.template(CHART, case.values, SYSTEM)
    told = cluster.kubectl(*STRICT_DRY_RUN, stdin=yaml.safe_dump_all(objects))
    assert told.count("server dry run") == len(objects)


@pytest.mark.parametrize("case", PLATFORM_CASES, ids=str)
def test_every_pod_is_restricted_and_cannot_take_all_memory(cluster: ApiServer, helm: Helm, case: Case) -> None:
    pods = _pods(helm.template(CHART, case.values, SYSTEM))
    for pod in pods:
        pod["spec"].pop("priorityClassName", None)  # the release makes the class itself, and nothing is made here
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert "memory" in container["resources"]["limits"]
    told = cluster.kubectl(*STRICT_DRY_RUN, "-n", SYSTEM, stdin=yaml.safe_dump_all(pods))
    assert told.count("created (server dry run)") == len(pods) >= 2


def test_it_comes_changes_and_goes_and_definitions_and_pipelines_stay(cluster: ApiServer, cluster_helm: Helm) -> None:
    name, *where = ("platform", "--namespace", SYSTEM)
    operator = ("deployment", "platform-health-operator", "-n", SYSTEM)
    told = cluster_helm("install", name, platform(), *where)
    assert f"kubectl rollout status deployment/platform-health-operator --namespace {SYSTEM}" in told
    assert "--set health-monitoring.enabled=true" in told
    assert cluster.get(*operator)["spec"]["replicas"] == 2
    assert wait_until(lambda: not cluster.try_kubectl("get", "healthpipelines").returncode, SERVED_WITHIN_S)
    cluster.kubectl("apply", "--validate=strict", "-n", TEAMS[0], "-f", EXAMPLES / "quickstart.yaml")

    told = cluster_helm("upgrade", name, platform(), *where, values=PLATFORM["everything"])
    assert "https://london.example/" in told
    assert "kubectl port-forward --namespace cardiology service/platform-health-platform-kafka-ui 8081:8080" in told
    assert "look for dashboards with the tag health-streaming" in told
    assert cluster.get(*operator)["spec"]["template"]["spec"]["priorityClassName"] == "health-platform"
    assert cluster.get("prometheusrule", "-n", SYSTEM)["items"]
    _is_there_with_its_definition(cluster)

    told = cluster_helm("uninstall", name, *where)
    assert DEFINITIONS[0] in told
    left = cluster.get("deployments,configmaps,services,ingresses,networkpolicies", "--all-namespaces", "-l",
                       "app.kubernetes.io/managed-by=Helm")  # fmt: skip
    assert left["items"] == []
    _is_there_with_its_definition(cluster)

    cluster_helm("install", name, platform(), *where)
    _is_there_with_its_definition(cluster)
    cluster_helm("uninstall", name, *where)


def test_ours_alone_say_what_is_not_there(cluster: ApiServer, cluster_helm: Helm) -> None:
    values = {"strimzi": {"enabled": False}, "spark-operator": {"enabled": False}}
    told = cluster_helm("install", "platform", platform(), "--namespace", SYSTEM, values=values)
    cluster_helm("uninstall", "platform", "--namespace", SYSTEM)
    assert "Not installed: Strimzi." in told
    assert "need spec.kafka.mode" not in told, "the cluster has Strimzi's kinds"
    assert "Not installed: the Spark operator." in told
    assert not cluster.get("mutatingwebhookconfigurations")["items"]


def _is_there_with_its_definition(cluster: ApiServer) -> None:
    for definition in DEFINITIONS:
        assert "deletionTimestamp" not in cluster.get("crd", definition)["metadata"]
    assert "deletionTimestamp" not in cluster.get("healthpipeline", "quickstart", "-n", TEAMS[0])["metadata"]


def _pods(objects: list[Object]) -> list[Object]:
    """Those of tests, and those that Deployments would make: of these the API server only warns."""
    pods = [each for each in objects if each["kind"] == "Pod"]
    for each in objects:
        if each["kind"] == "Deployment":
            metadata = {"name": each["metadata"]["name"]}
            spec = copy.deepcopy(each["spec"]["template"]["spec"])
            pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return pods

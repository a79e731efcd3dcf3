"""A real API server takes every object as it is: no unknown field, no wrong type, and Pod Security ``restricted``."""

from __future__ import annotations

import copy

import pytest
import yaml

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import Helm, Object
from tests.kubernetes.charts.value_sets import CASES, OPERATOR, Case

STRICT_DRY_RUN = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")


@pytest.fixture
def restricted(kube: ApiServer, namespace: str) -> str:
    """A namespace that refuses every pod that is not ``restricted``."""
    kube.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return namespace


@pytest.fixture
def watched(kube: ApiServer) -> None:
    """The namespaces that the values speak of."""
    for name in OPERATOR["two-teams"]["watchNamespaces"]:
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_object_is_valid(kube: ApiServer, helm: Helm, namespace: str, case: Case) -> None:
    objects = helm.template(case.chart, case.values, namespace)
    where = () if "watchNamespaces" in case.values else ("-n", namespace)
    told = kube.kubectl(*STRICT_DRY_RUN, *where, stdin=_stream(objects))
    assert told.count("server dry run") == len(objects)


def test_a_field_that_there_is_not_would_be_noticed(kube: ApiServer, helm: Helm, namespace: str) -> None:
    (deployment,) = [each for each in helm.template("health-operator", {}, namespace) if each["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["topologySpread"] = []
    done = kube.try_kubectl(*STRICT_DRY_RUN, stdin=_stream([deployment]))
    assert 'unknown field "spec.template.spec.topologySpread"' in done.stderr


@pytest.mark.parametrize("case", [case for case in CASES if case.chart != "health-monitoring"], ids=str)
def test_every_pod_is_restricted(kube: ApiServer, helm: Helm, restricted: str, case: Case) -> None:
    pods = _pods(helm.template(case.chart, case.values, restricted))
    assert pods
    told = kube.kubectl(*STRICT_DRY_RUN, "-n", restricted, stdin=_stream(pods))
    assert told.count("created (server dry run)") == len(pods)


def test_a_pod_that_is_not_restricted_would_be_noticed(kube: ApiServer, helm: Helm, restricted: str) -> None:
    pod = _pods(helm.template("health-operator", {}, restricted))[-1]
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    assert (
        'violates PodSecurity "restricted'
        in kube.try_kubectl(*STRICT_DRY_RUN, "-n", restricted, stdin=_stream([pod])).stderr
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_container_can_write_to_its_image_or_take_all_memory(helm: Helm, case: Case) -> None:
    for pod in _pods(helm.template(case.chart, case.values)):
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert "memory" in container["resources"]["limits"]
        assert pod["spec"]["securityContext"]["runAsUser"] == 10001


def _pods(objects: list[Object]) -> list[Object]:
    """Pods, and those that Deployments and StatefulSets would make: of these the API server only warns."""
    pods = [each for each in objects if each["kind"] == "Pod"]
    for each in objects:
        if each["kind"] in ("Deployment", "StatefulSet"):
            spec = copy.deepcopy(each["spec"]["template"]["spec"])
            claims = [claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ())]
            spec["volumes"] += [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
            metadata = {"name": each["metadata"]["name"]}
            pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return pods


def _stream(objects: list[Object]) -> str:
    """One after the other: in a List, kubectl would look at their fields instead of the server."""
    return yaml.safe_dump_all(objects)

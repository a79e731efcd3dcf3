"""A real API server takes every object as it is: no unknown field, no wrong type, and Pod Security ``restricted``."""

from __future__ import annotations

import copy

import pytest
import yaml

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import Helm, Object
from tests.kubernetes.charts.value_sets import VALUE_SETS

CHART = "health-operator"
STRICT_DRY_RUN = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")


@pytest.fixture
def restricted(kube: ApiServer, namespace: str) -> str:
    """A namespace that refuses every pod that is not ``restricted``."""
    kube.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return namespace


@pytest.mark.parametrize("values", VALUE_SETS)
def test_every_object_is_valid(kube: ApiServer, helm: Helm, namespace: str, values: str) -> None:
    for watched in VALUE_SETS[values].get("watchNamespaces", ()):
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": watched}})
    objects = helm.template(CHART, VALUE_SETS[values], namespace)
    told = kube.kubectl(*STRICT_DRY_RUN, stdin=_stream(objects))
    assert told.count("server dry run") == len(objects)


def test_a_field_that_there_is_not_would_be_noticed(kube: ApiServer, helm: Helm, namespace: str) -> None:
    (deployment,) = [each for each in helm.template(CHART, {}, namespace) if each["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"]["topologySpread"] = []
    done = kube.try_kubectl(*STRICT_DRY_RUN, stdin=_stream([deployment]))
    assert 'unknown field "spec.template.spec.topologySpread"' in done.stderr


@pytest.mark.parametrize("values", VALUE_SETS)
def test_every_pod_is_restricted(kube: ApiServer, helm: Helm, restricted: str, values: str) -> None:
    pods = _pods(helm.template(CHART, VALUE_SETS[values], restricted), restricted)
    assert len(pods) == 2, "the operator's, and the one of helm test"
    kube.kubectl(*STRICT_DRY_RUN, stdin=_stream(pods))


def test_a_pod_that_is_not_restricted_would_be_noticed(kube: ApiServer, helm: Helm, restricted: str) -> None:
    pod = _pods(helm.template(CHART, {}, restricted), restricted)[0]
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    assert 'violates PodSecurity "restricted' in kube.try_kubectl(*STRICT_DRY_RUN, stdin=_stream([pod])).stderr


def test_no_container_can_write_to_its_image_or_is_without_limit(helm: Helm) -> None:
    for pod in _pods(helm.template(CHART, {}), "any"):
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["resources"]["limits"].keys() >= {"memory"}
        assert pod["spec"]["securityContext"]["runAsUser"] == 10001


def _pods(objects: list[Object], namespace: str) -> list[Object]:
    """The pods themselves and those of Deployments, which the API server would only warn about."""
    pods = [copy.deepcopy(each) for each in objects if each["kind"] == "Pod"]
    for each in objects:
        if each["kind"] == "Deployment":
            name = {"name": each["metadata"]["name"], "namespace": namespace}
            pods.insert(0, {"apiVersion": "v1", "kind": "Pod", "metadata": name, **_spec(each["spec"]["template"])})
    return pods


def _spec(template: Object) -> Object:
    return {"spec": copy.deepcopy(template["spec"])}


def _stream(objects: list[Object]) -> str:
    """One after the other: in a List, kubectl would look at their fields instead of the server."""
    return yaml.safe_dump_all(objects)

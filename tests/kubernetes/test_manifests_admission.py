"""A real API server takes every object that we build as it is: by its own schemas and by those of other operators."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from health_operator.kinds import kind_of
from health_operator.naming import FIELD_MANAGER
from health_operator.plan import difference, stamped
from health_pipeline import HealthPipeline

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.other_operators import define_others
from tests.unit.health_operator.manifests.examples import (
    ALL_EXAMPLES,
    built,
    in_namespace,
    kinds,
    pipeline_of,
    pod_templates,
)

Object = dict[str, Any]


@pytest.fixture(scope="module")
def client(kube: ApiServer) -> Iterator[httpx.Client]:
    """Of an API server that knows the kinds of the Spark operator, Strimzi and the Prometheus operator."""
    define_others(kube)
    kube.kubectl("create", "priorityclass", "health-urgent", "--value=1000")  # that an example asks for
    with kube.client() as found:
        yield found


@pytest.fixture
def restricted(kube: ApiServer, namespace: str) -> str:
    """A namespace that refuses every pod that is not ``restricted``."""
    kube.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return namespace


@pytest.mark.parametrize("name", ALL_EXAMPLES)
def test_every_object_is_taken_as_it_is(client: httpx.Client, namespace: str, name: str) -> None:
    for manifest in _built(name, namespace):
        answer = _apply(client, manifest)
        title = f"{manifest['kind']} {manifest['metadata']['name']}"
        assert answer.is_success, f"{title}: {answer.text}"
        assert "Warning" not in answer.headers, f"{title}: {answer.headers.get('Warning')}"


@pytest.mark.parametrize("name", ALL_EXAMPLES)
def test_what_was_applied_reads_as_it_is_wanted(client: httpx.Client, namespace: str, name: str) -> None:
    """Whatever the API server adds or writes another way must not look like drift: it would be written for ever."""
    for manifest in _built(name, namespace):
        live = _apply(client, stamped(manifest), dry=False).raise_for_status().json()
        assert difference(manifest, live, kind_of(manifest)) == "", manifest["metadata"]["name"]


@pytest.mark.parametrize("name", ALL_EXAMPLES)
def test_every_pod_is_taken_where_pods_must_be_restricted(client: httpx.Client, restricted: str, name: str) -> None:
    pods = list(_pods(_built(name, restricted), restricted))
    assert pods
    for pod in pods:
        answer = _make_pod(client, restricted, pod)
        assert answer.is_success, f"{pod['metadata']['name']}: {answer.text}"


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "spec.template.spec.restartPolicies"),
        ("SparkApplication", "spec.driver.coresRequest"),
        ("Kafka", "spec.kafka.listener"),
        ("KafkaUser", "spec.authorisation"),
    ],
)
def test_a_field_that_there_is_not_would_be_noticed(client: httpx.Client, namespace: str, kind: str, path: str) -> None:
    manifest = copy.deepcopy(next(iter(kinds(_built("strimzi", namespace), kind).values())))
    inner = manifest
    *way, last = path.split(".")
    for step in way:
        inner = inner[step]
    inner[last] = "x"
    assert "field not declared in schema" in _apply(client, manifest).text


def test_a_pod_that_is_not_restricted_would_be_noticed(client: httpx.Client, restricted: str) -> None:
    pod = next(_pods(_built("quickstart", restricted), restricted))
    del pod["spec"]["securityContext"]["seccompProfile"]
    assert 'violates PodSecurity \\"restricted' in _make_pod(client, restricted, pod).text


def _built(name: str, namespace: str) -> list[Object]:
    pipeline: HealthPipeline = in_namespace(pipeline_of(name), namespace)
    return built(pipeline, ALL_EXAMPLES[name][1])


def _apply(client: httpx.Client, manifest: Object, *, dry: bool = True) -> httpx.Response:
    path = kind_of(manifest).path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    params = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true"}
    headers = {"Content-Type": "application/apply-patch+yaml"}
    return client.patch(path, params=params | ({"dryRun": "All"} if dry else {}), json=manifest, headers=headers)


def _pods(manifests: list[Object], namespace: str) -> Iterator[Object]:
    """Bare pods of all templates: those of Spark are known to the API server as objects of any shape only."""
    for number, (_, template) in enumerate(each for manifest in manifests for each in pod_templates(manifest)):
        name = f"{template['spec']['containers'][0]['name']}-{number}"
        metadata = {"name": name, "namespace": namespace, "labels": template["metadata"]["labels"]}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}


def _make_pod(client: httpx.Client, namespace: str, pod: Object) -> httpx.Response:
    params = {"fieldValidation": "Strict", "dryRun": "All"}
    return client.post(f"/api/v1/namespaces/{namespace}/pods", params=params, json=pod)

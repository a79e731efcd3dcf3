"""Install, upgrade, uninstall: the definition follows the chart, and no pipeline goes with a release."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from healthctl.embedded.waiting import wait_until

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import CHARTS, Helm

CHART = CHARTS / "health-operator"
EXAMPLES = CHARTS.parent / "k8s" / "examples"
CRD = "healthpipelines.health-streaming.com"
SERVED_WITHIN_S = 30

Install = Callable[..., str]


@pytest.fixture
def release(kube: ApiServer, kube_helm: Helm, namespace: str) -> Iterator[tuple[str, ...]]:
    """Arguments that name a release and its namespace; whatever is left of it goes afterwards."""
    yield ("health-operator", "--namespace", namespace)
    for each in yaml.safe_load(kube_helm("list", "--namespace", namespace, "--output", "json")):
        kube_helm("uninstall", each["name"], "--namespace", namespace)
    kube.kubectl("delete", "crd", CRD, "--ignore-not-found")


@pytest.fixture
def newer_chart(tmp_path: Path) -> Path:
    """The chart as it may be next year: the definition has one more field in its status."""
    newer = Path(shutil.copytree(CHART, tmp_path / "health-operator"))
    path = newer / "files" / f"{CRD}.yaml"
    definition = yaml.safe_load(path.read_text())
    _status(definition)["properties"] = _status(definition).get("properties", {}) | {"nextYear": {"type": "string"}}
    path.write_text(yaml.safe_dump(definition))
    return newer


def test_an_upgrade_brings_the_definition_with_it(
    kube: ApiServer, kube_helm: Helm, release: tuple[str, ...], newer_chart: Path, namespace: str
) -> None:
    name, *where = release
    kube_helm("install", name, CHART, *where)
    assert "nextYear" not in _status(kube.get("crd", CRD)).get("properties", {})
    kube_helm("upgrade", name, newer_chart, *where, values={"replicas": 3})
    assert "nextYear" in _status(kube.get("crd", CRD))["properties"]
    assert kube.get("deployment", "health-operator", "-n", namespace)["spec"]["replicas"] == 3


def test_uninstalling_keeps_every_pipeline(
    kube: ApiServer, kube_helm: Helm, release: tuple[str, ...], namespace: str
) -> None:
    name, *where = release
    kube_helm("install", name, CHART, *where)
    _apply_examples(kube, namespace)
    told = kube_helm("uninstall", name, *where)
    assert "kept due to the resource policy" in told
    assert CRD in told
    assert kube.get("healthpipeline", "quickstart", "-n", namespace)["metadata"]["name"] == "quickstart"
    assert kube.try_kubectl("get", "deployment", "health-operator", "-n", namespace).returncode
    left = kube.kubectl("get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/part-of=health-streaming")
    assert not left, "all but the definition goes"
    kube_helm("install", name, CHART, *where)
    assert kube.get("healthpipeline", "quickstart", "-n", namespace)["metadata"]["name"] == "quickstart"


def test_turning_the_definition_off_keeps_it_too(
    kube: ApiServer, kube_helm: Helm, release: tuple[str, ...], namespace: str
) -> None:
    name, *where = release
    kube_helm("install", name, CHART, *where)
    _apply_examples(kube, namespace)
    kube_helm("upgrade", name, CHART, *where, values={"crds": {"install": False}})
    assert kube.get("healthpipeline", "quickstart", "-n", namespace)["metadata"]["name"] == "quickstart"


def test_another_release_takes_the_definition_over_only_when_told_to(
    kube: ApiServer, kube_helm: Helm, release: tuple[str, ...]
) -> None:
    name, *where = release
    kube_helm("install", name, CHART, *where)
    kube_helm("uninstall", name, *where)
    refused = kube_helm.attempt("install", "another", CHART, *where)
    assert refused.returncode
    assert CRD in refused.stderr
    kube_helm("install", "another", CHART, *where, "--take-ownership")
    assert kube.get("crd", CRD)["metadata"]["annotations"]["meta.helm.sh/release-name"] == "another"


def test_the_notes_name_what_is_missing_and_what_to_do_next(
    kube_helm: Helm, release: tuple[str, ...], namespace: str
) -> None:
    name, *where = release
    told = kube_helm("install", name, CHART, *where)
    assert "Missing: the Spark operator" in told
    assert "Missing: Strimzi" in told
    assert f"kubectl rollout status deployment/health-operator --namespace {namespace}" in told
    stand_ins = {"kafka": "kafka:9092", "aws": "http://aws:5000"}
    told = kube_helm("upgrade", name, CHART, *where, values={"standIns": stand_ins})
    assert "Missing: Strimzi" not in told


def _apply_examples(kube: ApiServer, namespace: str) -> None:
    """All of them, as soon as the server has taken in what it was told of them."""
    assert wait_until(lambda: not kube.try_kubectl("get", "healthpipelines").returncode, SERVED_WITHIN_S)
    kube.kubectl("apply", "--validate=strict", "-n", namespace, "-f", EXAMPLES)


def _status(definition: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    return status

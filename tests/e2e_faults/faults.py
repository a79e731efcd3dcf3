"""What goes wrong on a cluster, for as long as each of these lasts. What is there is taken away, and given back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e import kube
from tests.e2e.conftest import NAMESPACE, SYSTEM
from tests.e2e.pipeline import Pipeline
from tests.e2e_faults import cluster

OPERATOR = "app.kubernetes.io/name=health-operator"
_LAKE = "dev-aws"
_TOUCHED = "health-streaming.com/touched"


@contextmanager
def gone(pipeline: Pipeline, *components: str) -> Iterator[None]:
    """These components have no pod, and there is no room for another."""
    with without_room():
        for component in components:
            for pod in cluster.running(pipeline, component):
                name = pod["metadata"]["name"]
                kube.kubectl("delete", "pod", name, "-n", NAMESPACE, "--grace-period=0", "--force")
        yield


@contextmanager
def without_room() -> Iterator[None]:
    """The namespace of the pipelines may have no more pods than it has."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(quota))
    try:
        kube.wait_for("the quota holds", lambda: (kube.get("resourcequota", "full", NAMESPACE) or {}).get("status"), 60)
        yield
    finally:
        kube.kubectl("delete", "resourcequota", "full", "-n", NAMESPACE)
        # Their controller asks for a refused pod less and less often, unless something about them changes.
        kube.kubectl("annotate", "rs", "--all", "-n", NAMESPACE, "--overwrite", f"{_TOUCHED}={secrets.token_hex(4)}")


@contextmanager
def edited(pipeline: Pipeline, spec: Mapping[str, Any], back: Mapping[str, Any]) -> Iterator[None]:
    """The pipeline with another spec; ``back`` undoes it. Both are merged into what there is."""
    pipeline.patch(json.dumps({"spec": spec}))
    try:
        yield
    finally:
        pipeline.patch(json.dumps({"spec": back}))


@contextmanager
def without_lake() -> Iterator[None]:
    """Whoever calls the stand-in for AWS is refused. It goes on itself, for what it holds must outlast this."""
    _lead(_LAKE, {"away": "true"})
    try:
        yield
    finally:
        _lead(_LAKE, {"away": None})


@contextmanager
def without_operator() -> Iterator[None]:
    """Ours."""
    (operator,) = kube.items("deployments", SYSTEM, OPERATOR)
    scale = ("scale", "deployment", operator["metadata"]["name"], "-n", SYSTEM)
    kube.kubectl(*scale, "--replicas=0")
    try:
        yield
    finally:
        kube.kubectl(*scale, f"--replicas={operator['spec']['replicas']}")


@contextmanager
def without_rights() -> Iterator[None]:
    """Our operator may do nothing with pipelines and what they consist of; it keeps its lease."""
    bindings = json.loads(kube.kubectl("get", "clusterrolebindings", "-l", OPERATOR, "-o", "json"))["items"]
    (binding,) = (each for each in bindings if each["subjects"][0]["kind"] == "ServiceAccount")
    kube.kubectl("delete", "clusterrolebinding", binding["metadata"]["name"])
    try:
        yield
    finally:
        metadata = {key: binding["metadata"][key] for key in ("name", "labels", "annotations")}
        kube.kubectl("create", "-f", "-", stdin=json.dumps({**binding, "metadata": metadata}))


def _lead(service: str, selector: Mapping[str, str | None]) -> None:
    kube.kubectl("patch", "service", service, "-n", SYSTEM, "-p", json.dumps({"spec": {"selector": selector}}))

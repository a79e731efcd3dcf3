"""The operator with the rights that its chart gives it, and no others: all it does it may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import Helm
from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import DEPLOYMENTS, JOBS, SPARK_APPLICATIONS
from tests.kubernetes.sample_pipelines import PIPELINES, events, is_true, pipeline

RELEASE = "health-operator"
GRANTED = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


@pytest.mark.usefixtures("other_operators")
def test_all_it_does_it_may_do(
    space: Space, kube: ApiServer, tmp_path: Path, start_operator: Callable[..., Operator]
) -> None:
    kubeconfig = installed(kube, space.namespace, Helm(tmp_path / "helm"), tmp_path)
    space.create(PIPELINES, pipeline("london"))
    operator = start_operator(kubeconfig=kubeconfig, lease_name=RELEASE)
    until(lambda: is_true(space, "Accepted") and space.find(SPARK_APPLICATIONS, "london-alerts"), "children", operator)

    space.delete(DEPLOYMENTS, "london-simulator")
    until(lambda: space.find(DEPLOYMENTS, "london-simulator"), "watched, and made anew", operator)
    (job,) = space.list(JOBS)
    sources = pipeline("london")["spec"]["sources"]
    space.patch(PIPELINES, "london", {"spec": {"sources": sources[:2]}})
    until(lambda: not space.find(DEPLOYMENTS, "london-producer-weather"), "pruned", operator)
    until(lambda: not space.find(JOBS, job["metadata"]["name"]), "pruned", operator)
    until(lambda: "Pruned" in events(space), "told", operator)
    space.delete(PIPELINES, "london")
    until(lambda: not space.find(PIPELINES, "london"), "the end", operator)
    assert operator.stop() == 0
    said = operator.log.read_text()
    assert "forbidden" not in said.lower(), said
    assert "ERROR" not in said, said


def installed(kube: ApiServer, namespace: str, helm: Helm, folder: Path) -> Path:
    """Apply what the chart grants in this namespace; a kubeconfig of the operator's service account."""
    objects = helm.template("health-operator", {"watchNamespaces": [namespace]}, namespace)
    kube.apply(*(item for item in objects if item["kind"] in GRANTED))
    (account,) = [item["metadata"]["name"] for item in objects if item["kind"] == "ServiceAccount"]
    token = kube.kubectl("create", "token", "-n", namespace, account, "--duration=1h").strip()
    config = json.loads(kube.kubeconfig.read_text())
    config["users"] = [{"name": "admin", "user": {"token": token}}]
    kubeconfig = folder / "operator-kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    return kubeconfig

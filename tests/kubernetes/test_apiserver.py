"""The API server that the other tests stand on is a real one."""

from __future__ import annotations

from pathlib import Path

from node.versions import KUBERNETES

from tests.kubernetes.apiserver import ApiServer


def test_it_is_the_release_that_the_node_runs(kube: ApiServer) -> None:
    with kube.client() as client:
        assert client.get("/version").json()["gitVersion"] == KUBERNETES


def test_what_nobody_allowed_is_forbidden(kube: ApiServer, namespace: str) -> None:
    account = f"--as=system:serviceaccount:{namespace}:reader"
    question = ("auth", "can-i", "get", "secrets", "-n", namespace, account)
    assert kube.try_kubectl(*question).stdout == "no\n"
    kube.kubectl("create", "role", "reader", "--verb=get", "--resource=secrets", "-n", namespace)
    kube.kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:reader", "-n", namespace
    )
    assert kube.kubectl(*question) == "yes\n"
    assert kube.try_kubectl("auth", "can-i", "list", "secrets", "-n", namespace, account).stdout == "no\n"


def test_objects_come_back_as_they_were_applied(kube: ApiServer, namespace: str) -> None:
    data = {"a": "1"}
    metadata = {"name": "it", "namespace": namespace}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    assert kube.get("configmap", "it", "-n", namespace)["data"] == data


def test_its_processes_end_with_it(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "server") as server:
        pids = [process.pid for process in server._processes]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)

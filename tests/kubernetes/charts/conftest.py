"""Helm, with and without the API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from healthctl.embedded.waiting import wait_until

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.definitions import prometheus_kinds
from tests.kubernetes.charts.helm import Helm

SERVED_WITHIN_S = 30


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of these tests' own: they install and remove what there is once for a cluster."""
    with ApiServer(tmp_path_factory.mktemp("charts")) as server:
        for path in prometheus_kinds():
            server.kubectl("apply", "--server-side", "-f", path)
        kinds = "podmonitors,prometheusrules"
        assert wait_until(lambda: not server.try_kubectl("get", kinds).returncode, SERVED_WITHIN_S)
        yield server


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kube_helm(kube: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm that talks to the API server."""
    return Helm(tmp_path_factory.mktemp("kube-helm"), kube.environment)

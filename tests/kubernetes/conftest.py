"""A real API server for the tests of this folder. Go builds it: `make kube-test` runs them, `make test` does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Operator, Space
from tests.kubernetes.other_operators import define_others
from tests.kubernetes.pipelines import Pipelines, define


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server, empty but for what tests have left in namespaces of their own."""
    with ApiServer(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(scope="session")
def namespace_names() -> Iterator[str]:
    """Names that no namespace has yet."""
    return (f"test-{number}" for number in itertools.count(1))


@pytest.fixture
def namespace(kube: ApiServer, namespace_names: Iterator[str]) -> str:
    """A new namespace, for one test. It is left behind: without controllers none would ever go."""
    name = next(namespace_names)
    kube.kubectl("create", "namespace", name)
    return name


@pytest.fixture(scope="session")
def http(kube: ApiServer) -> Iterator[httpx.Client]:
    """A plain client of the API server."""
    with kube.client() as client:
        yield client


@pytest.fixture(scope="session")
def crd(kube: ApiServer) -> None:
    """The API server knows HealthPipelines."""
    define(kube)


@pytest.fixture
def pipelines(crd: None, http: httpx.Client, namespace: str) -> Pipelines:  # noqa: ARG001 (must be there)
    """HealthPipelines in a new namespace."""
    return Pipelines(http, namespace)


@pytest.fixture
def space(http: httpx.Client, crd: None, namespace: str) -> Space:  # noqa: ARG001 (must be there)
    """Objects of any kind in a new namespace."""
    return Space(http, namespace)


@pytest.fixture
def other_operators(kube: ApiServer) -> None:
    """The API server knows the kinds of Strimzi, the Spark operator and the Prometheus operator."""
    define_others(kube)


@pytest.fixture
def start_operator(kube: ApiServer, namespace: str, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Starts an operator in the test's namespace, with settings by name; it ends with the test."""
    with ExitStack() as stack:

        def start(kubeconfig: Path = kube.kubeconfig, **settings: str) -> Operator:
            return stack.enter_context(Operator(kubeconfig, namespace, tmp_path, **settings))

        yield start

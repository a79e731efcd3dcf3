"""Pipelines on the cluster, and their components made to stand still.

What is stopped are all processes of a component's containers but the first, tini (SIGSTOP): they neither work nor
answer, as ones that hang. Kubernetes ends a container that has not answered for about a minute, so no stall of a
stream may take so long; that none was ended is seen.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.e2e import kube
from tests.e2e.conftest import NAMESPACE, SYSTEM
from tests.e2e.pipeline import Pipeline
from tests.e2e_faults.background import beside

GONE_S, OPERATOR_S = 240.0, 120.0
_SPARK_OPERATOR = "app.kubernetes.io/name=spark-operator,app.kubernetes.io/component=controller"
# Not the shell itself, nor the first process: so kill(2) has it.
_ALL = "-1"


@contextmanager
def applied(document: Mapping[str, Any]) -> Iterator[Pipeline]:
    """A pipeline while it lasts; then it is gone, with its topics."""
    pipeline = Pipeline(document["metadata"]["name"], NAMESPACE)
    kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(document))
    try:
        yield pipeline
    finally:
        pipeline.patch('{"spec": {"deletionPolicy": "delete"}}')
        kube.kubectl("delete", "hp", pipeline.name, "-n", NAMESPACE, f"--timeout={GONE_S:.0f}s", timeout_s=GONE_S + 20)
        selector = f"app.kubernetes.io/instance={pipeline.name}"
        kube.wait_for("its pods are gone", lambda: not kube.items("pods", NAMESPACE, selector), GONE_S)


@contextmanager
def stopped(pipeline: Pipeline, component: str) -> Iterator[None]:
    """All pods of a component stand still."""
    pods = running(pipeline, component)
    assert pods, f"nothing runs of {component}"
    before = restarts(pods)
    _signal_all(before, "STOP")
    try:
        yield
    finally:
        _signal_all(before, "CONT")
    assert restarts(running(pipeline, component)) == before, f"containers of {component} were begun anew"


@contextmanager
def slowed(pods: Sequence[str], rests_s: float = 12.0, works_s: float = 1.5) -> Iterator[None]:
    """These pods work for a moment at a time, so that more comes than they can do, for as long as they are there."""

    def slow_down(done: threading.Event) -> None:
        while not done.is_set():
            for signal, seconds in (("STOP", rests_s), ("CONT", works_s)):
                with contextlib.suppress(AssertionError):  # a pod that is gone
                    _signal_all(pods, signal)
                done.wait(seconds)

    with beside(slow_down):
        yield


@contextmanager
def without_runs(pipeline: Pipeline, component: str) -> Iterator[None]:
    """What runs at times stands still: no run begins, for nobody starts one; one that is on its way is stopped.

    To suspend the schedule would not do: our operator has its own way with that. So the operator of Spark is away. A
    driver that is stopped for long is ended, as one that hangs, and tried again later.
    """
    with without_spark_operator():
        pods = list(restarts(running(pipeline, component)))
        try:
            _signal_all(pods, "STOP")
            yield
        finally:
            left = {pod["metadata"]["name"] for pod in running(pipeline, component)}
            _signal_all([pod for pod in pods if pod in left], "CONT")


@contextmanager
def without_spark_operator() -> Iterator[None]:
    """Nobody starts a Spark application."""
    _scale_spark_operator(0)
    try:
        yield
    finally:
        _scale_spark_operator(1)


def running(pipeline: Pipeline, component: str) -> list[dict[str, Any]]:
    """The pods of a component that are at work, or ought to be."""
    return [pod for pod in pipeline.pods(component) if pod["status"]["phase"] == "Running"]


def restarts(pods: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often the containers of each pod were begun anew, by its name."""
    return {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ()))
        for pod in pods
    }


def _scale_spark_operator(replicas: int) -> None:
    (controller,) = kube.items("deployments", SYSTEM, _SPARK_OPERATOR)
    name = controller["metadata"]["name"]
    kube.kubectl("scale", "deployment", name, "-n", SYSTEM, f"--replicas={replicas}")

    def is_so() -> bool:
        pods = kube.items("pods", SYSTEM, _SPARK_OPERATOR)
        return len(pods) == replicas and all(kube.condition(pod, "Ready").get("status") == "True" for pod in pods)

    kube.wait_for(f"{replicas} of {name}", is_so, OPERATOR_S)


def _signal_all(pods: Mapping[str, int] | Sequence[str], signal: str) -> None:
    """At once, for each takes a second."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda pod: _signal(pod, signal), pods))


def _signal(pod: str, signal: str) -> None:
    kube.kubectl("exec", pod, "-n", NAMESPACE, "--", "sh", "-c", f"kill -{signal} {_ALL}")

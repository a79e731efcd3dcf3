"""The whole system as far as one machine goes: a pipeline with its watcher, and an operator that knows it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from health_pipeline import Bindings, HealthPipeline, components, read_pipeline
from healthctl.embedded.ports import LOOPBACK, free_port
from healthctl.embedded.process import Command, Process
from healthctl.embedded.run import EmbeddedPipeline

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import define_others
from tests.kubernetes.pipelines import define

QUICKSTART = Path(__file__).parents[2] / "k8s" / "examples" / "quickstart.yaml"
NAMESPACE, OPERATORS_NAMESPACE = "city", "health-system"

Document = dict[str, Any]
Targets = dict[str, int]


def document() -> Document:
    """The example, with a source that fails now and then: so its errors can be seen as well."""
    made: Document = yaml.safe_load(QUICKSTART.read_text())
    weather = next(source for source in made["spec"]["sources"] if source["name"] == "weather")
    weather["simulate"]["faults"] = {"httpErrors": 0.3}
    return made


@contextmanager
def pipeline(folder: Path) -> Iterator[tuple[EmbeddedPipeline, Targets]]:
    """``healthctl up``, on its way, with the watcher of a cluster; the ports of all metrics, and of ``slo``."""
    spec = read_pipeline(document())
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    with EmbeddedPipeline(spec) as running:
        ports = {each.name: running.port(each.name) for each in running.layout.components}
        watcher, watchers_ports = _watcher(spec, running, folder)
        try:
            yield running, ports | watchers_ports
        finally:
            watcher.stop()


def _watcher(spec: HealthPipeline, running: EmbeddedPipeline, folder: Path) -> tuple[Process, Targets]:
    own = {"metrics": free_port(), "http": free_port()}

    def port(component: str, name: str) -> int:
        return own[name] if component == "lag" else running.port(component, name)

    layout = running.layout
    bindings = Bindings(
        kafka={"bootstrap_servers": layout.kafka.bootstrap_servers},
        lake={"lake_endpoint": layout.lake.lake_endpoint},
        address=lambda component, name: f"{LOOPBACK}:{port(component, name)}",
        listen=lambda component, name: (LOOPBACK, port(component, name)),
        transform_loops=True,
        watched=True,
    )
    (lag,) = (each for each in components(spec, bindings) if each.name == "lag")
    command = Command("lag", (sys.executable, "-m", lag.module), folder / "lag.log", {**os.environ, **lag.env})
    return Process(command), {"lag": own["metrics"], "slo": own["http"]}


@contextmanager
def operator(folder: Path, slo_port: int) -> Iterator[int]:
    """An operator at work on the same pipeline, on an API server where nothing runs; the port of its metrics."""
    with ApiServer(folder / "kube") as kube, kube.client() as client:
        define(kube)
        define_others(kube)
        kube.kubectl("create", "namespace", NAMESPACE)
        with Operator(kube.kubeconfig, NAMESPACE, folder, slo_url=f"http://{LOOPBACK}:{slo_port}/slo") as running:
            until(running.is_at_work, "the lease", running)
            space = Space(client, NAMESPACE)
            space.create("health-streaming.com/v1alpha1/healthpipelines", document())
            until(lambda: running.metric("health_operator_condition"), "what it tells of the pipeline", running)
            yield running.health_port


def scrapes(targets: Targets, operators_port: int) -> list[Document]:
    """As PodMonitors have Prometheus do it: the labels that they give, and the operator's own honoured."""
    name = document()["metadata"]["name"]
    found = [
        _scrape(component, port, {"namespace": NAMESPACE, "pod": f"{name}-{component}-0"})
        for component, port in targets.items()
    ]
    of_operator = _scrape("operator", operators_port, {"namespace": OPERATORS_NAMESPACE, "pod": "health-operator-0"})
    return [*found, {**of_operator, "honor_labels": True}]


def _scrape(job: str, port: int, labels: dict[str, str]) -> Document:
    return {"job_name": job, "static_configs": [{"targets": [f"{LOOPBACK}:{port}"], "labels": labels}]}

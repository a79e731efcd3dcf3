"""The whole system as far as one machine goes: a pipeline with its watcher, and an operator that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from health_pipeline import read_pipeline
from healthctl.embedded.ports import LOOPBACK
from healthctl.embedded.run import EmbeddedPipeline

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.operator_process import Operator, Space, until
from tests.kubernetes.other_operators import define_others
from tests.kubernetes.pipelines import define

QUICKSTART = Path(__file__).parents[2] / "k8s" / "examples" / "quickstart.yaml"
NAMESPACE, OPERATORS_NAMESPACE = "city", "health-system"

Document = dict[str, Any]


def document() -> Document:
    """The example, with a source that fails now and then: so its errors can be seen as well."""
    made: Document = yaml.safe_load(QUICKSTART.read_text())
    weather = next(source for source in made["spec"]["sources"] if source["name"] == "weather")
    weather["simulate"]["faults"] = {"httpErrors": 0.3}
    return made


@contextmanager
def pipeline(folder: Path, of: Document | None = None) -> Iterator[EmbeddedPipeline]:
    """``healthctl up`` of a document, on its way: with watcher and console, as on a cluster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        if of is None:
            of = document()
            of["spec"]["warehouse"] = {"engine": "duckdb", "interval": "5s"}  # which no cluster takes
        with EmbeddedPipeline(read_pipeline(of), watched=True) as running:
            yield running


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


def scrapes(pipeline: EmbeddedPipeline, operators_port: int) -> list[Document]:
    """As PodMonitors have Prometheus do it: the labels that they give, and the operator's own honoured."""
    name = document()["metadata"]["name"]
    found = [
        _scrape(each.name, pipeline.port(each.name), {"namespace": NAMESPACE, "pod": f"{name}-{each.name}-0"})
        for each in pipeline.layout.components
    ]
    of_operator = _scrape("operator", operators_port, {"namespace": OPERATORS_NAMESPACE, "pod": "health-operator-0"})
    return [*found, {**of_operator, "honor_labels": True}]


def _scrape(job: str, port: int, labels: dict[str, str]) -> Document:
    return {"job_name": job, "static_configs": [{"targets": [f"{LOOPBACK}:{port}"], "labels": labels}]}

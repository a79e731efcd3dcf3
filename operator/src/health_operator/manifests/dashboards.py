"""A Grafana dashboard of the pipeline's own, for those who want one without choosing it from a list first.

There are no rules of a pipeline's own: those of the chart health-monitoring hold every pipeline to its own targets.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.monitors import COMPONENT

_UID_LONGEST = 40


def dashboard(context: Context) -> Manifest | None:
    """The dashboard of one pipeline, with the pipeline chosen; None unless the spec asks for it."""
    if not context.pipeline.spec.monitoring.dashboards:
        return None
    namespace, name = context.pipeline.namespace, context.pipeline.name
    board = json.loads(_any_pipeline())
    board |= {"uid": _uid(namespace, name), "title": f"Health pipeline {namespace}/{name}"}
    chosen = {"namespace": namespace, "pipeline": name}
    board["templating"]["list"] = [
        _constant(each["name"], chosen[each["name"]]) if each["name"] in chosen else each
        for each in board["templating"]["list"]
    ]
    platform = context.platform
    folder = {"grafana_folder": platform.dashboard_folder} if platform.dashboard_folder else None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": context.metadata(
            context.name("dashboard"), COMPONENT, labels_too=platform.dashboard_labels, annotations=folder
        ),
        # Grafana's sidecar takes files of equal names for one.
        "data": {f"health-{namespace}-{name}.json": json.dumps(board, separators=(",", ":"))},
    }


def _constant(name: str, value: str) -> Manifest:
    return {"type": "constant", "name": name, "query": value, "skipUrlSync": True}


def _uid(namespace: str, name: str) -> str:
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()
    return f"health-{digest}"[:_UID_LONGEST]


@cache
def _any_pipeline() -> str:
    """Written by ``make charts-sync`` from charts/dashboards."""
    return files("health_operator.manifests").joinpath("pipeline.json").read_text()

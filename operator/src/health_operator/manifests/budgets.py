"""How many pods a drain may take away at once.

A Deployment's pod is back within seconds wherever there is room, so it may always be taken: ``maxUnavailable: 1``.

Kubernetes counts the pods of Spark applications only by whole numbers of ``minAvailable``. For a lone driver, 1 would
refuse every drain for ever and 0 would protect from nothing. So the budget is about the drivers of both streams: one
must be there. A drain takes one, its application is submitted anew (``restartPolicy: Always``), and then the other may
go: never are both gone at once. Where the first cannot come back at all, the drain waits for somebody to look; a
pipeline with one stream has no such budget.
"""

from __future__ import annotations

from collections.abc import Sequence

from health_pipeline import Component

from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.services import DRIVER
from health_operator.naming import COMPONENT_LABEL, selector


def budget(context: Context, component: Component) -> Manifest | None:
    """Of a component's Deployment; None for a Spark application."""
    if component.spark:
        return None
    chosen = {"matchLabels": selector(context.pipeline.name, component.name)}
    return _budget(context, component.name, {"maxUnavailable": 1, "selector": chosen})


def streams_budget(context: Context, parts: Sequence[Component]) -> Manifest | None:
    """Of the drivers of the streams; None when there is only one."""
    streams = [part.name for part in parts if part.stage == "streaming"]
    if len(streams) < 2:  # noqa: PLR2004
        return None
    common = selector(context.pipeline.name, streams[0]) | DRIVER
    del common[COMPONENT_LABEL]
    chosen = {
        "matchLabels": common,
        "matchExpressions": [{"key": COMPONENT_LABEL, "operator": "In", "values": streams}],
    }
    return _budget(context, "streams", {"minAvailable": 1, "selector": chosen})


def _budget(context: Context, name: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": context.metadata(context.name(name), name),
        # One that is not ready does no work, so taking it away loses nothing.
        "spec": {**spec, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
    }

"""What a drain may take away at once."""

from __future__ import annotations

from health_pipeline import Component

from health_operator import naming
from health_operator.manifests.model import Build, Manifest


def budget(build: Build, component: Component) -> Manifest | None:
    """Of a process: its only pod may go, since nothing waits for it elsewhere and a drain must not hang on it."""
    if component.spark:
        return None
    made = build.manifest("policy/v1", "PodDisruptionBudget", component.name)
    made["spec"] = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": naming.selector(build.pipeline.name, component.name)},
    }
    return made


def drivers_budget(build: Build, streams: list[Component]) -> Manifest | None:
    """Of the streams: one driver at a time. A drain that meets the second waits until the first is back elsewhere.

    A share (maxUnavailable) cannot be had: Kubernetes counts one only for pods of controllers that it can ask for their
    size.
    """
    if not streams:
        return None
    made = build.manifest("policy/v1", "PodDisruptionBudget", "streaming")
    names = [component.name for component in streams]
    made["spec"] = {
        "minAvailable": len(streams) - 1,
        "selector": {
            "matchLabels": {"app.kubernetes.io/instance": build.pipeline.name, "spark-role": "driver"},
            "matchExpressions": [{"key": naming.COMPONENT_LABEL, "operator": "In", "values": names}],
        },
    }
    return made

"""How many pods a drain may take away at once.

A Deployment's pod is back within seconds wherever there is room, so it may always be taken: ``maxUnavailable: 1``.

Kubernetes counts the pods of Spark applications only by whole numbers of ``minAvailable``, and a stream has one driver:
1 would refuse every drain for ever, also one budget over the drivers of both streams, where the first that is taken
finds no other node. So it is 0. What keeps a stream is not its budget but its restart policy: a driver that is taken is
submitted again and goes on at its checkpoint. The budget says that this was meant, to people and to policies that want
one of every workload.
"""

from __future__ import annotations

from health_pipeline import Component

from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.services import DRIVER
from health_operator.naming import selector


def budget(context: Context, component: Component) -> Manifest | None:
    """Of a component's Deployment or of a stream's driver; None for what runs on a schedule."""
    if component.schedule:
        return None
    chosen = selector(context.pipeline.name, component.name) | (DRIVER if component.spark else {})
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": context.metadata(context.name(component.name), component.name),
        "spec": {
            **({"minAvailable": 0} if component.spark else {"maxUnavailable": 1}),
            "selector": {"matchLabels": chosen},
            # One that is not ready does no work, so taking it away loses nothing.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }

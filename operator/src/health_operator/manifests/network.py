"""Who may speak with Spark: its own, and whoever reads metrics.

Spark 4.2 would make such a policy by itself at each start. That step is left out (see ``spark``), because the Spark
operator's own rights do not cover it; this one is there before the first pod, and stays.
"""

from __future__ import annotations

from health_pipeline import Component

from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.pods import PROBED_PORT
from health_operator.naming import selector


def network_policy(context: Context, component: Component) -> Manifest | None:
    """For driver and executors of a Spark application, which do whatever a peer asks them to; None for others."""
    if not component.spark:
        return None
    own = {"matchLabels": selector(context.pipeline.name, component.name)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": context.metadata(context.name(component.name), component.name),
        "spec": {
            "podSelector": own,
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": own}]},
                {"ports": [{"port": PROBED_PORT, "protocol": "TCP"}]},
            ],
        },
    }

"""A PodMonitor, for clusters with the Prometheus operator."""

from __future__ import annotations

from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.pods import PROBED_PORT


def pod_monitor(context: Context) -> Manifest | None:
    """Of every pod of the pipeline that has metrics; None unless the spec asks for it."""
    if not context.pipeline.spec.monitoring.pod_monitors:
        return None
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": context.metadata(context.pipeline.name, "monitoring"),
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/instance": context.pipeline.name}},
            "podMetricsEndpoints": [{"port": PROBED_PORT, "interval": "15s"}],
        },
    }

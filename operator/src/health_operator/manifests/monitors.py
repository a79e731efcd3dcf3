"""PodMonitors, for clusters with the Prometheus operator."""

from __future__ import annotations

from health_operator.bindings import runs_strimzi
from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.kafka import cluster_label
from health_operator.manifests.pods import PROBED_PORT

COMPONENT = "monitoring"
# What Strimzi calls the port of the brokers' metrics.
_STRIMZI_PORT = "tcp-prometheus"


def pod_monitor(context: Context) -> Manifest | None:
    """Of every pod of the pipeline that has metrics; None unless the spec asks for it."""
    instance = {"app.kubernetes.io/instance": context.pipeline.name}
    return _monitor(
        context, context.pipeline.name, {**instance, "app.kubernetes.io/name": "health-pipeline"}, PROBED_PORT
    )


def kafka_monitor(context: Context) -> Manifest | None:
    """Of the pipeline's own Kafka; None where it has none, or unless the spec asks for it."""
    if not runs_strimzi(context.pipeline, context.platform):
        return None
    return _monitor(context, context.name("kafka"), cluster_label(context), _STRIMZI_PORT)


def _monitor(context: Context, name: str, chosen: dict[str, str], port: str) -> Manifest | None:
    if not context.pipeline.spec.monitoring.pod_monitors:
        return None
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": context.metadata(name, COMPONENT, labels_too=context.platform.monitor_labels),
        "spec": {
            "selector": {"matchLabels": chosen},
            "podMetricsEndpoints": [{"port": port, "path": "/metrics", "interval": "15s"}],
        },
    }

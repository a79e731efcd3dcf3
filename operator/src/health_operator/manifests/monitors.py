"""A PodMonitor for the Prometheus operator, where the spec asks for one."""

from __future__ import annotations

from health_operator.manifests.model import Build, Manifest
from health_operator.naming import PIPELINE_LABEL


def pod_monitor(build: Build) -> Manifest | None:
    """Every pod of the pipeline that has metrics."""
    if not build.pipeline.spec.monitoring.pod_monitors:
        return None
    made = build.manifest("monitoring.coreos.com/v1", "PodMonitor", "metrics")
    made["spec"] = {
        "selector": {"matchLabels": {PIPELINE_LABEL: build.pipeline.name}},
        "podMetricsEndpoints": [{"port": "metrics", "interval": "15s"}],
    }
    return made

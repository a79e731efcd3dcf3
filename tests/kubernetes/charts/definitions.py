"""CustomResourceDefinitions of others, out of the Go modules that they are released in."""

from __future__ import annotations

from pathlib import Path

from node.build import source
from node.versions import GoPart

PROMETHEUS_OPERATOR = GoPart("", "v0.85.0", "github.com/prometheus-operator/prometheus-operator", "", 0)


def prometheus_kinds() -> list[Path]:
    """Of PodMonitor and PrometheusRule."""
    folder = source(PROMETHEUS_OPERATOR) / "example/prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{plural}.yaml" for plural in ("podmonitors", "prometheusrules")]

"""What Prometheus is told of each pipeline: what its status says, and what it is held to.

An exporter of object states (kube-state-metrics) may be absent, or not know our kind; so the operator tells it itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from health_pipeline.spec import Slo
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Key = tuple[str, str]  # namespace, name

_WHOSE = ["namespace", "pipeline"]
_STATUSES = ("True", "False", "Unknown")


@dataclass(frozen=True)
class Told:
    """``status`` as it was written; ``targets`` in seconds by what they are of."""

    status: Mapping[str, Any]
    targets: Mapping[str, float] = field(default_factory=dict)


class Objects(Collector):
    """Holds the latest of each pipeline. What is forgotten is told of no more, so no series outlives its pipeline."""

    def __init__(self) -> None:
        self._told: dict[Key, Told] = {}

    def tell(self, key: Key, told: Told) -> None:
        """From now on."""
        self._told[key] = told

    def forget(self, key: Key) -> None:
        """The pipeline is gone."""
        self._told.pop(key, None)

    def describe(self) -> Iterable[Metric]:
        """Of no pipeline: what is asked when it is registered."""
        return _families({})

    def collect(self) -> Iterable[Metric]:
        """All of them; called in another thread or not, so from a copy."""
        return _families(dict(self._told))


def targets(slo: Slo) -> dict[str, float]:
    """What a pipeline is held to, in seconds."""
    return {
        "alert_latency": float(slo.alert_latency_p99) / 1000,
        "lag": float(slo.lag_seconds),
        "freshness": float(slo.freshness_seconds),
    }


def _families(told: Mapping[Key, Told]) -> list[Metric]:
    phases = GaugeMetricFamily("health_operator_pipeline", "1 for the phase that it is in", labels=[*_WHOSE, "phase"])
    conditions = GaugeMetricFamily(
        "health_operator_condition",
        "1 for the status that it has, 0 for the others",
        labels=[*_WHOSE, "type", "status"],
    )
    components = GaugeMetricFamily(
        "health_operator_component", "1 for the state that it is in", labels=[*_WHOSE, "component", "state"]
    )
    replicas = GaugeMetricFamily(
        "health_operator_replicas", "How many are wanted of what its lag scales", labels=[*_WHOSE, "component"]
    )
    held_to = GaugeMetricFamily(
        "health_operator_slo_target_seconds", "spec.monitoring.slo of the spec that is applied", labels=[*_WHOSE, "slo"]
    )
    for key, it in told.items():
        phases.add_metric([*key, it.status["phase"]], 1)
        for condition in it.status.get("conditions") or []:
            for status in _STATUSES:
                conditions.add_metric([*key, condition["type"], status], condition["status"] == status)
        for component in it.status.get("components") or []:
            components.add_metric([*key, component["name"], component["state"]], 1)
        for scale in it.status.get("autoscaling") or []:
            replicas.add_metric([*key, scale["name"]], scale["replicas"])
        for slo, seconds in it.targets.items():
            held_to.add_metric([*key, slo], seconds)
    return [phases, conditions, components, replicas, held_to]

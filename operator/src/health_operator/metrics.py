"""What the operator counts about itself, and what it knows of pipelines, for Prometheus."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from health_operator.objects import Objects

RECONCILE_SECONDS = Histogram(
    "health_operator_reconcile_seconds", "Duration of one look at a pipeline", ["result"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
for _result in ("changed", "unchanged", "error"):
    RECONCILE_SECONDS.labels(_result)  # what begins with its first failure would show no increase
PIPELINES = Gauge("health_operator_pipelines", "Pipelines by phase", ["phase"])
WRITES = Counter("health_operator_writes", "Writes to the API server", ["verb"])
DEAF = Gauge("health_operator_watch_silent_seconds", "How long a change has been known that no watch has told of")
LEADER = Gauge("health_operator_leader", "1 while this replica holds the lease")
OBJECTS = Objects()
REGISTRY.register(OBJECTS)

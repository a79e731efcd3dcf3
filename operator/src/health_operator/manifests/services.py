"""A Service for each component that others ask something: its metrics, and the simulator's and lag's answers."""

from __future__ import annotations

from health_pipeline import Component

from health_operator import naming
from health_operator.manifests.model import Build, Manifest


def service(build: Build, component: Component) -> Manifest | None:
    """None for what runs for a moment at a time: nobody asks it."""
    if component.schedule:
        return None
    made = build.manifest("v1", "Service", component.name)
    selector = naming.selector(build.pipeline.name, component.name)
    made["spec"] = {
        # Executors carry the same labels as their driver, which alone listens.
        "selector": selector | ({"spark-role": "driver"} if component.spark else {}),
        "ports": [{"name": name, "port": port, "targetPort": port} for name, port in component.ports.items()],
        # Metrics tell why something is not ready.
        "publishNotReadyAddresses": set(component.ports) == {"metrics"},
    }
    return made

"""A Service for each component."""

from __future__ import annotations

from health_pipeline import Component

from health_operator.bindings import PORTS
from health_operator.manifests.context import Context, Manifest
from health_operator.naming import selector

DRIVER = {"spark-role": "driver"}


def service(context: Context, component: Component) -> Manifest:
    """The Service of a component, of a Spark application its driver's: of what runs at times, of the run there is."""
    chosen = selector(context.pipeline.name, component.name) | (DRIVER if component.spark else {})
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": context.metadata(context.name(component.name), component.name),
        "spec": {
            "selector": chosen,
            # What is not ready yet is watched all the more. Only who has an API must be ready for its clients.
            "publishNotReadyAddresses": "http" not in component.ports,
            "ports": [
                {"name": name, "port": PORTS[name], "targetPort": name, "protocol": "TCP"} for name in component.ports
            ],
        },
    }

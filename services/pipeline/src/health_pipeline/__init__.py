"""What a HealthPipeline says, and what must run for it.

``spec`` is the resource as frozen dataclasses, ``reader`` turns YAML or JSON into it (defaults, bounds, field paths),
``settings`` is what each component is told, ``components`` lists what must run, and ``kafka`` its topics. The operator
renders the components to Kubernetes objects and healthctl to processes; neither decides anything that is written here.
``telemetry`` is the /metrics and /readyz server that every component starts.
"""

from health_pipeline.components import Bindings, Component, Priority, components, topics_settings
from health_pipeline.kafka import kafka_secrets, pipeline_topics
from health_pipeline.reader import SpecError, read_pipeline
from health_pipeline.spec import HealthPipeline

__all__ = [
    "Bindings",
    "Component",
    "HealthPipeline",
    "Priority",
    "SpecError",
    "components",
    "kafka_secrets",
    "pipeline_topics",
    "read_pipeline",
    "topics_settings",
]

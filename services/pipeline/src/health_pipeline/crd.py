"""The CustomResourceDefinition of HealthPipeline, made from ``spec``, ``rules`` and ``status``; pure.

k8s/crds holds it as a file: `make crds` writes it, and a test fails when it has drifted.
"""

from __future__ import annotations

from typing import Any

from health_pipeline.reader import NAME_PATTERN
from health_pipeline.schema import object_schema, validations
from health_pipeline.spec import API_VERSION, KIND, HealthPipeline, HealthPipelineSpec
from health_pipeline.status import HealthPipelineStatus

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "healthpipelines"
_NAMES = {
    "kind": KIND,
    "listKind": f"{KIND}List",
    "plural": PLURAL,
    "singular": KIND.lower(),
    "shortNames": ["hp"],
    "categories": ["health"],
}
_READY = '.status.conditions[?(@.type=="Ready")]'
# name, type, path, what it says; those after the age are shown by `kubectl get -o wide` only
_COLUMNS = (
    ("Ready", "string", f"{_READY}.status", "Whether all is well"),
    ("Events/s", "number", ".status.slo.eventsPerSecond", "What the producers publish"),
    ("Lag", "number", ".status.slo.lagSeconds", "Seconds that the slowest stage is behind"),
    ("Alert p99", "number", ".status.slo.alertLatencyP99Ms", "Milliseconds from a reading to its alert"),
    ("Dispatches", "integer", ".status.slo.dispatches", "Vehicles sent"),
    ("Age", "date", ".metadata.creationTimestamp", "Since when it is there"),
)
_WIDE_COLUMNS = (
    ("Phase", "string", ".status.phase", "In one word"),
    ("Reason", "string", f"{_READY}.reason", "Why it is ready or not"),
)


def custom_resource_definition() -> dict[str, Any]:
    """The whole object."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [*_columns(_COLUMNS, 0), *_columns(_WIDE_COLUMNS, 1)],
        "schema": {"openAPIV3Schema": _root()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": _NAMES, "versions": [version]},
    }


def _root() -> dict[str, Any]:
    name = {
        "rule": f"self.metadata.name.matches('^({NAME_PATTERN})$')",
        "message": "metadata.name: must be 1-40 lower-case letters, digits and hyphens, a letter first",
    }
    return {
        "description": "A whole real-time health and emergency data system: sources, streams, alerts, dispatch, lake",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": f"{GROUP}/{VERSION}", "type": "string"},
            "kind": {"description": KIND, "type": "string"},
            "metadata": {"type": "object"},
            "spec": object_schema(HealthPipelineSpec),
            "status": object_schema(HealthPipelineStatus),
        },
        "x-kubernetes-validations": [name, *validations(HealthPipeline)],
    }


def _columns(columns: tuple[tuple[str, str, str, str], ...], priority: int) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": kind, "jsonPath": path, "description": text, "priority": priority}
        for name, kind, path, text in columns
    ]

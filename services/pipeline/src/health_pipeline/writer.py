"""A HealthPipeline, or a part of one, as a plain document: what ``reader`` reads."""

from __future__ import annotations

import dataclasses
from typing import Any

from health_pipeline.quantities import Duration
from health_pipeline.spec import API_VERSION, KIND, HealthPipeline, camel


def document(pipeline: HealthPipeline) -> dict[str, Any]:
    """The resource with every default written out; read again, it is the same pipeline."""
    metadata = {"name": pipeline.name, "namespace": pipeline.namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": plain(pipeline.spec)}


def plain(value: Any) -> Any:
    """Objects, lists, text and numbers as JSON has them; what is absent (None) is left out."""
    if dataclasses.is_dataclass(value):
        given = {camel(item.name): getattr(value, item.name) for item in dataclasses.fields(value)}
        return {name: plain(inner) for name, inner in given.items() if inner is not None}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Duration) else value

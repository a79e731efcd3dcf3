"""What every builder is given, and the metadata of every child."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from health_pipeline import Component, HealthPipeline
from health_pipeline.spec import ComponentSpec

from health_operator.naming import child_name, labels
from health_operator.settings import Platform

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """The pipeline's resource, which its children go with."""

    api_version: str
    kind: str
    name: str
    uid: str

    def reference(self) -> Manifest:
        """What a child has in its metadata: it goes when its owner does."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


@dataclass(frozen=True)
class Context:
    """A pipeline to be built for."""

    pipeline: HealthPipeline
    platform: Platform
    owner: Owner

    def name(self, component: str) -> str:
        """Of a component's objects."""
        return child_name(self.pipeline.name, component)

    def metadata(
        self,
        name: str,
        component: str,
        *,
        owned: bool = True,
        labels_too: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> Manifest:
        """Of a child. One that is not ``owned`` outlives the pipeline."""
        found: Manifest = {
            "name": name,
            "namespace": self.pipeline.namespace,
            "labels": {**labels(self.pipeline.name, component), **(labels_too or {})},
        }
        if annotations:
            found["annotations"] = annotations
        if owned:
            found["ownerReferences"] = [self.owner.reference()]
        return found

    def asked(self, stage: str) -> ComponentSpec | None:
        """What the spec says of a stage."""
        return next((each for each in self.pipeline.spec.components if each.name == stage), None)


def image_of(component: Component) -> str:
    """The image that it is in: that of the service whose package its module is of."""
    return component.module.partition(".")[0].removeprefix("health_")


def stage_of(component: Component) -> str:
    """The stage as a spec names it: of Spark's streams, each is one."""
    return component.name if component.stage == "streaming" else component.stage

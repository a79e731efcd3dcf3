"""What builders share: the object that owns all of it, and the head of every manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from health_pipeline import Bindings, Component, HealthPipeline
from health_pipeline.spec import ComponentSpec

from health_operator import naming
from health_operator.settings import Platform

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """The HealthPipeline that the children belong to."""

    api_version: str
    kind: str
    name: str
    uid: str

    def reference(self) -> Manifest:
        """As an entry of ownerReferences: with it a child goes when its pipeline goes."""
        return {
            "apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": self.uid,
            "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip


@dataclass(frozen=True)
class Build:
    """What all builders are given."""

    pipeline: HealthPipeline
    platform: Platform
    owner: Owner
    bindings: Bindings

    def manifest(self, api_version: str, kind: str, component: str, *, name: str = "", owned: bool = True) -> Manifest:
        """The head of a child: who it is, what it is part of and whose it is. An orphan outlives the pipeline."""
        metadata: Manifest = {
            "name": naming.child_name(self.pipeline.name, name or component),
            "namespace": self.pipeline.namespace,
            "labels": naming.labels(self.pipeline.name, component),
        }
        if owned:
            metadata["ownerReferences"] = [self.owner.reference()]
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata}

    def wish(self, stage: str) -> ComponentSpec | None:
        """What the spec says of a stage, if anything."""
        return next((each for each in self.pipeline.spec.components if each.name == stage), None)


def stage_of(component: Component) -> str:
    """The word of the spec for a component: a Spark application by its name, whatever else by its stage."""
    return component.name if component.spark else component.stage

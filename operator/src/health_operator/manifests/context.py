"""What every builder is given, and the metadata of every child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from health_pipeline import Component, HealthPipeline
from health_pipeline.components import ETL_MODULE
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
    """A pipeline to be built for. ``scales``: how many of those components whose lag decides it. ``partitions``: of
    topics that are there, by their names.

    ``roles``: of stages that have something in AWS, what they have made it with; the spec may say another one since.
    """

    pipeline: HealthPipeline
    platform: Platform
    owner: Owner
    scales: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, int] = field(default_factory=dict)

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

    def role(self, stage: str) -> str:
        """The IAM role of a stage; empty where it has none of its own."""
        asked = self.asked(stage)
        return self.roles.get(stage, (asked and asked.role_arn) or "")

    @property
    def spark_image(self) -> str:
        """The image of all that is or holds Spark's jobs."""
        return self.pipeline.spec.spark.image or self.platform.image("spark")


def image_of(context: Context, module: str) -> str:
    """The image that a module is run from: that of the service whose package it is of."""
    if module == ETL_MODULE:  # what it gives to Glue is the code of the transform, which no other image has
        return context.spark_image
    return context.platform.image(module.partition(".")[0].removeprefix("health_"))


def stage_of(component: Component) -> str:
    """The stage as a spec names it: of Spark's streams, each is one."""
    return component.name if component.stage == "streaming" else component.stage

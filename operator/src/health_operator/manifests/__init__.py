"""Builders: one module for each kind of child, pure functions from a pipeline to manifests (plain dicts).

A builder that gives None says that there must be no such object.
"""

from __future__ import annotations

from health_pipeline import Component, HealthPipeline
from health_pipeline import components as described

from health_operator.bindings import kubernetes_bindings, logged_in
from health_operator.manifests import accounts, budgets, deployments, monitors, services, spark, topics
from health_operator.manifests.model import Build, Manifest, Owner, stage_of
from health_operator.settings import Platform

__all__ = ["Manifest", "Owner", "desired"]


def desired(pipeline: HealthPipeline, platform: Platform, owner: Owner, checkpoint_epoch: str = "") -> list[Manifest]:
    """Everything that must be there for a pipeline, in the order to make it in; nothing else of it may be.

    A suspended pipeline keeps its topics and runs nothing.
    """
    bindings = kubernetes_bindings(pipeline, platform, checkpoint_epoch)
    build = Build(pipeline, platform, owner, bindings)
    parts = [logged_in(component, pipeline, platform) for component in described(pipeline, bindings)]
    streams = [part for part in parts if part.spark and not part.schedule]
    made: list[Manifest | None] = [
        *(accounts.account(build, stage) for stage in _stages(parts)),
        accounts.driver_binding(build, [stage_of(part) for part in parts if part.spark]),
        topics.topics_job(build),
        *(services.service(build, part) for part in parts),
        *(budgets.budget(build, part) for part in parts),
        budgets.drivers_budget(build, streams),
        *(deployments.deployment(build, part) for part in parts),
        *(spark.application(build, part) for part in parts),
        *(spark.schedule(build, part) for part in parts),
        monitors.pod_monitor(build),
    ]
    return [manifest for manifest in made if manifest is not None]


def _stages(parts: list[Component]) -> list[str]:
    """Each stage once."""
    return list(dict.fromkeys([topics.COMPONENT, *(stage_of(part) for part in parts)]))

"""Builders: one module for each kind of child, pure functions from a pipeline to manifests (plain dicts).

A builder returns the object that must exist, or None when none may. ``desired`` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from health_pipeline import Component, HealthPipeline

from health_operator.bindings import kubernetes_components
from health_operator.manifests.accounts import driver_binding, service_accounts, topics_account
from health_operator.manifests.budgets import budget
from health_operator.manifests.catalog import STAGE, catalog_account, catalog_removal
from health_operator.manifests.context import Context, Manifest, Owner
from health_operator.manifests.dashboards import dashboard
from health_operator.manifests.deployments import deployment
from health_operator.manifests.kafka import kafka
from health_operator.manifests.kafka_users import kafka_users
from health_operator.manifests.monitors import kafka_monitor, pod_monitor
from health_operator.manifests.network import network_policies
from health_operator.manifests.services import service
from health_operator.manifests.spark import scheduled_application, spark_application
from health_operator.manifests.topics import removal_job, topics_job
from health_operator.settings import Platform

__all__ = ["Manifest", "Owner", "aws_removal", "desired", "topics_removal"]


def desired(
    pipeline: HealthPipeline, platform: Platform, owner: Owner, checkpoint_epoch: str = "", *,
    in_aws: bool = False, removes: bool = False,
) -> list[Manifest]:  # fmt: skip
    """Everything that must exist for a pipeline, in the order to apply it; nothing else of it may.

    ``checkpoint_epoch`` names the streams' checkpoints; with another one they begin anew. A suspended pipeline has
    everything but what runs. ``in_aws``: something of it is in AWS; ``removes``: which is to go now.
    """
    context = Context(pipeline, platform, owner)
    parts = kubernetes_components(pipeline, platform, checkpoint_epoch)
    made = [*_standing(context, parts)]
    if in_aws and all(part.stage != STAGE for part in parts):
        made.append(catalog_account(context))
    if removes:
        made.append(catalog_removal(context))
    if not pipeline.spec.suspend:
        made += _running(context, parts)
    return [manifest for manifest in made if manifest is not None]


def topics_removal(pipeline: HealthPipeline, platform: Platform, owner: Owner) -> Manifest | None:
    """What deletes the topics at the pipeline's end, where that takes more than deleting objects."""
    return removal_job(Context(pipeline, platform, owner))


def aws_removal(pipeline: HealthPipeline, platform: Platform, owner: Owner) -> Manifest:
    """What removes at the pipeline's end what it has in AWS beside its data."""
    return catalog_removal(Context(pipeline, platform, owner))


def _standing(context: Context, parts: Sequence[Component]) -> Iterator[Manifest | None]:
    """What runs nothing by itself, and Kafka."""
    yield from service_accounts(context, parts)
    yield topics_account(context)
    yield from network_policies(context, parts)
    for build in (driver_binding, service, budget):
        yield from (build(context, part) for part in parts)
    yield from kafka(context)
    yield from kafka_users(context, parts)
    yield pod_monitor(context)
    yield kafka_monitor(context)
    yield dashboard(context)


def _running(context: Context, parts: Sequence[Component]) -> Iterator[Manifest | None]:
    yield topics_job(context)
    for build in (deployment, spark_application, scheduled_application):
        yield from (build(context, part) for part in parts)

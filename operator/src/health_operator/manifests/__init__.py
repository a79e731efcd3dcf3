"""Builders: one module for each kind of child, pure functions from a pipeline to manifests (plain dicts).

A builder returns the object that must exist, or None when none may. ``desired`` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from health_pipeline import Component, HealthPipeline

from health_operator.bindings import kubernetes_components
from health_operator.keepers import KEEPERS
from health_operator.manifests.accounts import driver_binding, service_accounts, stage_account, topics_account
from health_operator.manifests.budgets import budget
from health_operator.manifests.context import Context, Manifest, Owner
from health_operator.manifests.dashboards import dashboard
from health_operator.manifests.deployments import deployment
from health_operator.manifests.kafka import kafka
from health_operator.manifests.kafka_users import kafka_users
from health_operator.manifests.monitors import kafka_monitor, pod_monitor
from health_operator.manifests.network import network_policies, removal_policy
from health_operator.manifests.removals import removal
from health_operator.manifests.services import service
from health_operator.manifests.spark import scheduled_application, spark_application
from health_operator.manifests.topics import removal_job, topics_job
from health_operator.settings import Platform

__all__ = ["Manifest", "Owner", "aws_removals", "desired", "topics_removal"]


def desired(
    pipeline: HealthPipeline, platform: Platform, owner: Owner, checkpoint_epoch: str = "", *,
    in_aws: Mapping[str, str] | None = None, removes: frozenset[str] = frozenset(), waits: frozenset[str] = frozenset(),
    scales: Mapping[str, int] | None = None, partitions: Mapping[str, int] | None = None,
) -> list[Manifest]:  # fmt: skip
    """Everything that must exist for a pipeline, in the order to apply it; nothing else of it may.

    ``checkpoint_epoch`` names the streams' checkpoints; with another one they begin anew. A suspended pipeline has
    everything but what runs. ``in_aws``: the stages that have something in AWS, with their roles; ``removes``: those
    of them whose things are to go now. ``waits``: components that must not run yet. ``scales``: how many there are of
    what is scaled by its lag. ``partitions``: of topics that are there, for those that must keep theirs.
    """
    context = Context(pipeline, platform, owner, scales or {}, in_aws or {}, partitions or {})
    parts = kubernetes_components(pipeline, platform, checkpoint_epoch)
    made = [*_standing(context, parts), *_in_aws(context, parts, removes)]
    if not pipeline.spec.suspend:
        made += _running(context, [part for part in parts if part.name not in waits])
    return [manifest for manifest in made if manifest is not None]


def topics_removal(pipeline: HealthPipeline, platform: Platform, owner: Owner) -> Manifest | None:
    """What deletes the topics at the pipeline's end, where that takes more than deleting objects."""
    return removal_job(Context(pipeline, platform, owner))


def aws_removals(
    pipeline: HealthPipeline, platform: Platform, owner: Owner, in_aws: Mapping[str, str]
) -> list[Manifest]:
    """What removes at the pipeline's end what it has in AWS beside its data."""
    context = Context(pipeline, platform, owner, roles=in_aws)
    return [removal(context, keeper) for keeper in KEEPERS if keeper.stage in in_aws]


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


def _in_aws(context: Context, parts: Sequence[Component], removes: frozenset[str]) -> Iterator[Manifest | None]:
    """For what is in AWS: who may remove it, also when nothing else is that any more; and the removal."""
    accounts = {each["metadata"]["name"] for each in service_accounts(context, parts)}
    for keeper in KEEPERS:
        if keeper.stage not in context.roles:
            continue
        if context.name(keeper.stage) not in accounts:
            yield stage_account(context, keeper.stage)
        yield removal_policy(context, keeper)
        if keeper.stage in removes:
            yield removal(context, keeper)


def _running(context: Context, parts: Sequence[Component]) -> Iterator[Manifest | None]:
    yield topics_job(context)
    for build in (deployment, spark_application, scheduled_application):
        yield from (build(context, part) for part in parts)

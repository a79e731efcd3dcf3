"""Who the pods are: a service account for each stage, and what Spark's drivers may do."""

from __future__ import annotations

from collections.abc import Sequence

from health_pipeline import Component

from health_operator.bindings import runs_strimzi
from health_operator.manifests.context import Context, Manifest, stage_of
from health_operator.naming import SPARK_DRIVER_ROLE

_ROLE_ARN = "eks.amazonaws.com/role-arn"
_RBAC = "rbac.authorization.k8s.io"


def driver_account(context: Context, component: Component) -> str:
    """The account that a driver runs as."""
    return context.platform.spark_service_account or context.name(stage_of(component))


def executor_account(context: Context, component: Component) -> str:
    """The account that executors run as: to AWS the same as the driver's, to Kubernetes nobody."""
    return f"{context.name(stage_of(component))}-executor"


def service_accounts(context: Context, parts: Sequence[Component]) -> list[Manifest]:
    """One for each stage, and one for the executors of each Spark application."""
    names: dict[str, str] = {}  # account -> stage
    for part in parts:
        stage = stage_of(part)
        if not (part.spark and context.platform.spark_service_account):
            names[context.name(stage)] = stage
        if part.spark:
            names[executor_account(context, part)] = stage
    return [_account(context, name, stage) for name, stage in names.items()]


def topics_account(context: Context) -> Manifest | None:
    """Of the job that makes topics; None where Strimzi makes them."""
    if runs_strimzi(context.pipeline, context.platform):
        return None
    return stage_account(context, "topics")


def stage_account(context: Context, stage: str) -> Manifest:
    """Of a stage."""
    return _account(context, context.name(stage), stage)


def driver_binding(context: Context, component: Component) -> Manifest | None:
    """Lets a driver run executors; None where its account is there already, with rights of its own."""
    if not component.spark or context.platform.spark_service_account:
        return None
    subject = {"kind": "ServiceAccount", "name": driver_account(context, component)}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": context.metadata(context.name(component.name), component.name),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": SPARK_DRIVER_ROLE},
        "subjects": [{**subject, "namespace": context.pipeline.namespace}],
    }


def _account(context: Context, name: str, stage: str) -> Manifest:
    role = context.role(stage)
    annotations = {_ROLE_ARN: role} if role else None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": context.metadata(name, stage, annotations=annotations),
        "automountServiceAccountToken": False,
    }

"""Who the components are: a ServiceAccount for each stage, and what Spark's drivers may do."""

from __future__ import annotations

from health_operator import naming
from health_operator.manifests.model import Build, Manifest

# Of the operator's chart: pods, services, configmaps and volume claims, in the pipeline's own namespace.
DRIVER_ROLE = "health-spark-driver"
_ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


def account_name(pipeline: str, stage: str) -> str:
    """Name of a stage's ServiceAccount."""
    return naming.child_name(pipeline, stage)


def account(build: Build, stage: str) -> Manifest:
    """The ServiceAccount of a stage, which stands for an IAM role where the spec names one."""
    made = build.manifest("v1", "ServiceAccount", stage)
    wish = build.wish(stage)
    if wish and wish.role_arn:
        made["metadata"]["annotations"] = {_ROLE_ANNOTATION: wish.role_arn}
    made["automountServiceAccountToken"] = False
    return made


def driver_binding(build: Build, stages: list[str]) -> Manifest | None:
    """Lets drivers make their executors; None where they run as an account that may already."""
    if build.platform.spark_service_account or not stages:
        return None
    made = build.manifest("rbac.authorization.k8s.io/v1", "RoleBinding", "spark")
    made["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": DRIVER_ROLE}
    made["subjects"] = [
        {"kind": "ServiceAccount", "name": account_name(build.pipeline.name, stage),
         "namespace": build.pipeline.namespace}
        for stage in stages
    ]  # fmt: skip
    return made

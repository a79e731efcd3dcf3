"""The Jobs that remove what a pipeline has made in AWS beside its data (``keepers``).

They run at the pipeline's end, whatever the deletionPolicy says of data, and when the spec wants none of it any more.
"""

from __future__ import annotations

from health_pipeline import Priority

from health_operator.bindings import aws_credentials, kubernetes_bindings
from health_operator.keepers import Keeper
from health_operator.manifests import pods
from health_operator.manifests.context import Context, Manifest, image_of
from health_operator.manifests.jobs import job
from health_operator.manifests.resources import stage_resources


def removal(context: Context, keeper: Keeper) -> Manifest:
    """The Job of one keeper's things."""
    return job(context, keeper.removal, _pod(context, keeper))


def _pod(context: Context, keeper: Keeper) -> Manifest:
    pipeline, platform = context.pipeline, context.platform
    settings = keeper.settings(pipeline, kubernetes_bindings(pipeline, platform))
    aws = aws_credentials(pipeline, platform)
    volumes, mounts = pods.volumes(context, kafka=False)
    container = {
        "name": keeper.removal,
        "image": image_of(context, keeper.module),
        "imagePullPolicy": platform.pull_policy,
        "args": ["python", "-m", keeper.module, "remove"],
        "env": pods.environment(settings.to_env() | aws.env, aws.secrets),
        "resources": stage_resources(context, keeper.stage, Priority.BATCH),
        "securityContext": pods.container_security(),
        "volumeMounts": mounts,
    }
    return pods.job_pod(context, keeper.stage, container, volumes)

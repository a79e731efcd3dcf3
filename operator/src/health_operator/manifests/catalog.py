"""The Job that removes what a pipeline has made in AWS beside its data: the operator itself does not speak to AWS.

It runs at the pipeline's end, whatever the deletionPolicy says of data, and when the spec wants no crawlers any more.
"""

from __future__ import annotations

import hashlib
import json

from health_pipeline import Priority
from health_pipeline.components import CATALOG_MODULE, catalog_settings

from health_operator.bindings import aws_credentials, kubernetes_bindings
from health_operator.manifests import pods
from health_operator.manifests.accounts import stage_account
from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.resources import stage_resources
from health_operator.naming import labels

STAGE, REMOVAL = "catalog", "catalog-removal"
_RETRIES = 1000  # for days, as with topics


def catalog_removal(context: Context) -> Manifest:
    """The Job. It cannot be changed, so its name says what it does: another content is another Job."""
    template = {"metadata": {"labels": labels(context.pipeline.name, REMOVAL)}, "spec": _pod(context)}
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": context.metadata(context.name(f"{REMOVAL}-{digest}"), REMOVAL),
        "spec": {"backoffLimit": _RETRIES, "template": template},
    }


def catalog_account(context: Context) -> Manifest:
    """Whose role it is that may remove things."""
    return stage_account(context, STAGE)


def _pod(context: Context) -> Manifest:
    pipeline, platform = context.pipeline, context.platform
    settings = catalog_settings(pipeline, kubernetes_bindings(pipeline, platform))
    aws = aws_credentials(pipeline, platform)
    volumes, mounts = pods.volumes(context, kafka=False)
    container = {
        "name": REMOVAL,
        "image": platform.image(STAGE),
        "imagePullPolicy": platform.pull_policy,
        "args": ["python", "-m", CATALOG_MODULE, "remove"],
        "env": pods.environment(settings.to_env() | aws.env, aws.secrets),
        "resources": stage_resources(context, STAGE, Priority.BATCH),
        "securityContext": pods.container_security(),
        "volumeMounts": mounts,
    }
    return pods.job_pod(context, STAGE, container, volumes)

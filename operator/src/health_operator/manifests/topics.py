"""The Jobs that make, and at the end delete, the topics of a Kafka that is not run by Strimzi.

Both are the producer's image: the operator has no Kafka client.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json

from health_pipeline import kafka_secrets, topics_settings

from health_operator.bindings import kubernetes_bindings, runs_strimzi
from health_operator.manifests import pods
from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.resources import job_resources
from health_operator.naming import labels

COMPONENT, REMOVAL = "topics", "topics-removal"
# Tries and pauses take minutes each, so it goes on for days: a broker may take long to be there,
# or a password to be put right, and then nobody should have to remember the job.
_RETRIES = 1000


def topics_job(context: Context) -> Manifest | None:
    """The Job; None where Strimzi makes the topics.

    A Job cannot be changed, so its name says what it does: another content is another Job.
    """
    if runs_strimzi(context.pipeline, context.platform):
        return None
    template = _template(context, COMPONENT)
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": context.metadata(context.name(f"{COMPONENT}-{digest}"), COMPONENT),
        # It is kept when it is done: it would be made again.
        "spec": {"backoffLimit": _RETRIES, "template": template},
    }


def removal_job(context: Context) -> Manifest | None:
    """The Job that deletes the topics and what is in them; None where Strimzi does, once their objects are deleted."""
    if runs_strimzi(context.pipeline, context.platform):
        return None
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": context.metadata(context.name(REMOVAL), REMOVAL),
        "spec": {"backoffLimit": _RETRIES, "template": _template(context, REMOVAL, "--remove")},
    }


def _template(context: Context, component: str, *arguments: str) -> Manifest:
    return {
        "metadata": {"labels": labels(context.pipeline.name, component)},
        "spec": _pod(context, *arguments),
    }


def _pod(context: Context, *arguments: str) -> Manifest:
    pipeline, platform = context.pipeline, context.platform
    settings = topics_settings(pipeline, kubernetes_bindings(pipeline, platform))
    if pipeline.spec.kafka.mode == "strimzi":  # and something stands in for it: one broker
        settings = dataclasses.replace(settings, replication=1)
    volumes, mounts = pods.volumes(context, kafka=True)
    container = {
        "name": COMPONENT,
        "image": platform.image("producer"),
        "imagePullPolicy": platform.pull_policy,
        "args": ["python", "-m", "health_producer.topics", *arguments],
        "env": pods.environment(settings.to_env(), kafka_secrets(pipeline)),
        "resources": job_resources(context),
        "securityContext": pods.container_security(),
        "volumeMounts": mounts,
    }
    return pods.job_pod(context, COMPONENT, container, volumes)

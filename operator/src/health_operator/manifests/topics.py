"""The Jobs that make, and at the end delete, the topics of a Kafka that is not run by Strimzi.

Both are the producer's image: the operator has no Kafka client.
"""

from __future__ import annotations

import dataclasses

from health_pipeline import kafka_secrets, topics_settings

from health_operator.bindings import kubernetes_bindings, runs_strimzi
from health_operator.manifests import pods
from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.jobs import job
from health_operator.manifests.resources import job_resources

COMPONENT, REMOVAL = "topics", "topics-removal"


def topics_job(context: Context) -> Manifest | None:
    """The Job that makes them; None where Strimzi does."""
    if runs_strimzi(context.pipeline, context.platform):
        return None
    return job(context, COMPONENT, _pod(context))


def removal_job(context: Context) -> Manifest | None:
    """The Job that deletes the topics and what is in them; None where Strimzi does, once their objects are deleted."""
    if runs_strimzi(context.pipeline, context.platform):
        return None
    return job(context, REMOVAL, _pod(context, "--remove"), name=REMOVAL)


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

"""A Deployment for each component that is no Spark application."""

from __future__ import annotations

from health_pipeline import Component
from health_pipeline.settings import KafkaSettings, LakeSettings

from health_operator.bindings import PORTS, Credentials, aws_credentials
from health_operator.manifests import pods, trail
from health_operator.manifests.context import Context, Manifest, image_of, stage_of
from health_operator.manifests.resources import container_resources
from health_operator.naming import labels, selector

# Two of these at once would contradict each other: two cities, every event twice, two sets of canaries; or, as with the
# catalogue's keeper, the second would be of no use. Dispatch alone may overlap, for each partition of alerts has one
# owner: the new one waits, and takes over as soon as the old one leaves. One is enough: it is back, or another in its
# place, within the seconds that Kafka needs to miss it.
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
_RECREATE = {"type": "Recreate"}


def deployment(context: Context, component: Component) -> Manifest | None:
    """The Deployment of a component; None for a Spark application."""
    if component.spark:
        return None
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": context.metadata(context.name(component.name), component.name),
        "spec": {
            "replicas": context.scales.get(component.name, component.replicas),
            "revisionHistoryLimit": 2,
            "strategy": _ROLLING if component.stage == "dispatch" else _RECREATE,
            "selector": {"matchLabels": selector(context.pipeline.name, component.name)},
            "template": {
                "metadata": {"labels": labels(context.pipeline.name, component.name)},
                "spec": _pod(context, component),
            },
        },
    }


def _pod(context: Context, component: Component) -> Manifest:
    volumes, mounts = pods.volumes(context, kafka=isinstance(component.settings, KafkaSettings))
    audit_volumes, audit_mounts = trail.volumes(context, component)
    on_lake = isinstance(component.settings, LakeSettings)
    aws = aws_credentials(context.pipeline, context.platform) if on_lake else Credentials()
    container = {
        "name": component.stage,
        "image": image_of(context, component.module),
        "imagePullPolicy": context.platform.pull_policy,
        "args": ["python", "-m", component.module],
        "env": pods.environment(
            component.env | aws.env | trail.environment(component), component.secrets | aws.secrets
        ),
        "ports": [{"name": name, "containerPort": PORTS[name], "protocol": "TCP"} for name in component.ports],
        "resources": container_resources(context, component),
        "securityContext": pods.container_security(),
        "volumeMounts": [*mounts, *audit_mounts],
        **pods.probes(),
    }
    pod = {
        **pods.pod_basics(context),
        "serviceAccountName": context.name(stage_of(component)),
        "automountServiceAccountToken": False,  # nothing here speaks with Kubernetes; a role's token is another one
        "containers": [container],
        "volumes": [*volumes, *audit_volumes],
    }
    if context.platform.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in context.platform.pull_secrets]
    return pod

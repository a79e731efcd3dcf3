"""A Deployment for each component that is a plain process: simulator, producers, dispatch, lag."""

from __future__ import annotations

from typing import Any

from health_pipeline import Component, Priority
from health_pipeline.settings import KafkaSettings

from health_operator import naming
from health_operator.manifests import pods
from health_operator.manifests.accounts import account_name
from health_operator.manifests.model import Build, Manifest, stage_of

_CPU = {Priority.REALTIME: "100m", Priority.BACKGROUND: "50m", Priority.BATCH: "50m"}
# The simulator keeps a history of each feed for clients that come back: up to 256 MiB each.
_MEMORY = {"simulator": "1Gi"}
_DEFAULT_MEMORY = "256Mi"
_START_S = 120


def deployment(build: Build, component: Component) -> Manifest | None:
    """One replica that is stopped before the next one starts; None for a Spark application.

    Two producers of a source would publish everything twice, two simulators would number their items differently, and
    two dispatches share their partitions: the new one would wait to be ready for one that the old one holds.
    """
    if component.spark:
        return None
    name = component.name
    made = build.manifest("apps/v1", "Deployment", name)
    made["spec"] = {
        "replicas": component.replicas,
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": naming.selector(build.pipeline.name, name)},
        "template": {
            "metadata": {"labels": naming.labels(build.pipeline.name, name)},
            "spec": _pod(build, component),
        },
    }
    return made


def _pod(build: Build, component: Component) -> dict[str, Any]:
    selector = {"matchLabels": naming.selector(build.pipeline.name, component.name)}
    volumes, mounts = pods.volumes(build, kafka=isinstance(component.settings, KafkaSettings))
    return {
        "serviceAccountName": account_name(build.pipeline.name, stage_of(component)),
        "automountServiceAccountToken": False,
        "securityContext": pods.POD_SECURITY,
        "terminationGracePeriodSeconds": 30,
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
             "labelSelector": selector}
        ],
        "volumes": volumes,
        "containers": [_container(build, component, mounts)],
        **pods.pull(build),
    }  # fmt: skip


def _container(build: Build, component: Component, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    stage = stage_of(component)
    wish = build.wish(stage)
    memory = (wish and wish.memory) or _MEMORY.get(stage, _DEFAULT_MEMORY)
    cpu = (wish and wish.cpu) or _CPU[component.priority]
    return {
        "name": stage,
        "image": build.platform.image(stage),
        "imagePullPolicy": build.platform.pull_policy,
        "env": pods.variables(component.env, component.secrets),
        "ports": [{"name": name, "containerPort": port} for name, port in component.ports.items()],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": pods.CONTAINER_SECURITY,
        "volumeMounts": mounts,
        **pods.probes(_START_S),
    }

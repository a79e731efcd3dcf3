"""What all our pods have in common: who they run as, what they may write, how they are probed and spread."""

from __future__ import annotations

from collections.abc import Mapping

from health_pipeline.components import METRICS_PORT
from health_pipeline.spec import SecretRef

from health_operator.bindings import CA_FILE, CA_FOLDER, kafka_ca
from health_operator.manifests import scheduling
from health_operator.manifests.context import Context, Manifest

USER = 10001  # of every image of ours
PROBED_PORT = "metrics"
_CA = "kafka-ca"


def pod_basics(context: Context) -> Manifest:
    """Fields of a pod's spec that do not depend on what runs in it."""
    return {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # Variables that Kubernetes makes up from the names of Services could pass for ours.
        "enableServiceLinks": False,
        **scheduling.of_pod(context),
        "topologySpreadConstraints": _spread(context),
        "terminationGracePeriodSeconds": 30,
    }


def container_security() -> Manifest:
    """What the Pod Security level ``restricted`` asks of a container, and a root file system that is read only."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }


def environment(env: Mapping[str, str], secrets: Mapping[str, SecretRef]) -> list[Manifest]:
    """Variables of a container; those of ``secrets`` are put in by the kubelet, and nobody else sees them."""
    plain = [{"name": name, "value": value} for name, value in env.items()]
    return plain + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": reference.name, "key": reference.key}}}
        for name, reference in secrets.items()
    ]


def volumes(context: Context, *, kafka: bool, tmp_size: str = "64Mi") -> tuple[list[Manifest], list[Manifest]]:
    """Volumes of a pod and where its container mounts them: a /tmp and, for clients of Kafka, its certificates."""
    found: list[Manifest] = [{"name": "tmp", "emptyDir": {"sizeLimit": tmp_size}}]
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 (the pod's own)
    authority = kafka_ca(context.pipeline, context.platform) if kafka else None
    if authority:
        items = [{"key": authority.key, "path": CA_FILE}]
        found.append({"name": _CA, "secret": {"secretName": authority.name, "items": items}})
        mounts.append({"name": _CA, "mountPath": CA_FOLDER, "readOnly": True})
    return found, mounts


def probes() -> Manifest:
    """Of a container that serves /livez and /readyz. Half a minute without an answer is a hang, not a busy node."""
    return {
        "startupProbe": {**_get("/livez"), "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 60},
        "livenessProbe": liveness(),
        "readinessProbe": {**_get("/readyz"), "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 2},
    }


def liveness() -> Manifest:
    """By itself: for a container that must count as ready from its start."""
    return {**_get("/livez"), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}


def metrics_port() -> Manifest:
    """Where metrics and probes are answered."""
    return {"name": PROBED_PORT, "containerPort": METRICS_PORT, "protocol": "TCP"}


def _get(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": PROBED_PORT}}


def _spread(context: Context) -> list[Manifest]:
    """Not all of a pipeline on one node or in one zone, where there are others."""
    selector = {"matchLabels": {"app.kubernetes.io/instance": context.pipeline.name}}
    keys = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    return [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
        for key in keys
    ]


def job_pod(context: Context, account: str, container: Manifest, volumes: list[Manifest]) -> Manifest:
    """The pod of a Job: one container, begun again until it succeeds, with the service account of a component."""
    pod: Manifest = {
        **pod_basics(context),
        "restartPolicy": "OnFailure",
        "serviceAccountName": context.name(account),
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": volumes,
    }
    if secrets := context.platform.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in secrets]
    return pod

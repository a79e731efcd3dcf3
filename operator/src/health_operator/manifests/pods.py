"""The parts of a pod that are the same wherever it comes from: security, environment, volumes, probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from health_pipeline.components import METRICS_PORT
from health_pipeline.spec import SecretRef

from health_operator.bindings import CA_FOLDER, STAND_IN_CREDENTIALS, ca_secret, stands_in_for_aws
from health_operator.manifests.model import Build

USER = 10001  # of the images

# Pod Security "restricted", and more: nothing can be written but /tmp.
POD_SECURITY = {
    "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip


def variables(plain: Mapping[str, str], secrets: Mapping[str, SecretRef]) -> list[dict[str, Any]]:
    """Environment variables, those of secrets by reference."""
    env: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in sorted(plain.items())]
    return env + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}
        for name, secret in sorted(secrets.items())
    ]


def aws_variables(build: Build) -> list[dict[str, Any]]:
    """What the AWS clients of a container find. Best nothing but the region: a role comes by the service account."""
    region = {"AWS_DEFAULT_REGION": build.pipeline.spec.lake.region}
    secret = build.pipeline.spec.lake.credentials_secret
    if secret:
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return variables(region, {key: SecretRef(secret, key) for key in keys})
    return variables(region | (STAND_IN_CREDENTIALS if stands_in_for_aws(build.pipeline, build.platform) else {}), {})


def volumes(build: Build, *, kafka: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The volumes of a pod and the mounts of its container."""
    pod: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    container: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 (of the pod's own)
    ca = ca_secret(build.pipeline, build.platform) if kafka else None
    if ca:
        items = [{"key": ca.key, "path": "ca.crt"}]
        pod.append({"name": "kafka-ca", "secret": {"secretName": ca.name, "items": items}})
        container.append({"name": "kafka-ca", "mountPath": CA_FOLDER, "readOnly": True})
    return pod, container


def probes(start_seconds: int) -> dict[str, Any]:
    """Of a container whose component tells on its metrics port how it is; it may take so long to start."""
    port = {"port": METRICS_PORT}
    return {
        "startupProbe": {"httpGet": {"path": "/livez", **port}, "periodSeconds": 2,
                         "failureThreshold": start_seconds // 2},
        "livenessProbe": {"httpGet": {"path": "/livez", **port}, "periodSeconds": 10, "timeoutSeconds": 5,
                          "failureThreshold": 6},
        "readinessProbe": {"httpGet": {"path": "/readyz", **port}, "periodSeconds": 3, "timeoutSeconds": 5},
    }  # fmt: skip


def pull(build: Build) -> dict[str, Any]:
    """How a pod gets its images, where that needs saying."""
    names = [{"name": name} for name in build.platform.pull_secrets]
    return {"imagePullSecrets": names} if names else {}

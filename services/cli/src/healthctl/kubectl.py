"""What a cluster knows of a pipeline, asked by kubectl: with its user's context, credentials and proxies."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from health_pipeline import HealthPipeline, SpecError, read_pipeline
from health_pipeline.crd import GROUP, PLURAL

from healthctl.errors import HealthctlError

_RESOURCE = f"{PLURAL}.{GROUP}"
_TIMEOUT_S = 30.0
_UNKNOWN_RESOURCE = "the server doesn't have a resource type"


@dataclass(frozen=True)
class Deployed:
    """A pipeline on a cluster. ``spec`` is the resource's; ``running`` what the operator has made of it so far.

    The two differ while an edit waits for approval. ``generation`` is that of ``running``.
    """

    namespace: str
    spec: HealthPipeline
    running: HealthPipeline
    generation: int


def deployed(name: str, namespace: str | None) -> Deployed | None:
    """The pipeline of that name, None when there is none; HealthctlError when the cluster cannot be asked.

    Without ``namespace`` it is that of kubectl's current context.
    """
    found = _get(_RESOURCE, name, namespace)
    if found is None:
        return None
    metadata = found["metadata"]
    spec = _read(found, found.get("spec"))
    applied = _applied(name, metadata["namespace"])
    if applied is None:
        return Deployed(metadata["namespace"], spec, spec, int(metadata["generation"]))
    return Deployed(metadata["namespace"], spec, _read(found, applied["spec"]), int(applied["generation"]))


def _applied(name: str, namespace: str) -> dict[str, Any] | None:
    """What the operator has on record; None where it has not been yet, or has been tampered with."""
    found = _get("configmap", f"{name}-state", namespace)
    try:
        applied = json.loads(found["data"]["applied"]) if found else None
        return applied if applied is None else {"spec": applied["spec"], "generation": applied["generation"]}
    except (KeyError, TypeError, ValueError):
        return None


def _read(resource: dict[str, Any], spec: object) -> HealthPipeline:
    try:
        return read_pipeline({**resource, "spec": spec})
    except SpecError as error:
        name = resource["metadata"]["name"]
        raise HealthctlError(
            f"pipeline {name} on the cluster cannot be read, is it of another version? {error.problems[0]}"
        ) from error


def _get(kind: str, name: str, namespace: str | None) -> dict[str, Any] | None:
    """An object, None when there is none."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise HealthctlError("kubectl is needed to ask a cluster, and is not on the PATH")
    command = [kubectl, "get", kind, name, "-o", "json", "--ignore-not-found", f"--request-timeout={_TIMEOUT_S:.0f}s"]
    try:
        done = subprocess.run(
            [*command, *(["-n", namespace] if namespace else [])],
            capture_output=True, text=True, timeout=2 * _TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise HealthctlError(f"the cluster did not answer kubectl within {2 * _TIMEOUT_S:.0f} s") from None
    if done.returncode:
        raise HealthctlError(_why(done.stderr))
    found: dict[str, Any] | None = json.loads(done.stdout) if done.stdout.strip() else None
    return found


def _why(said: str) -> str:
    if _UNKNOWN_RESOURCE in said:
        return "the cluster knows no HealthPipelines: install the operator's chart first"
    lines = said.strip().splitlines() or ["it says nothing"]
    return f"kubectl cannot ask the cluster: {lines[-1]}"

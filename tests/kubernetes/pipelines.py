"""HealthPipelines on a real API server, by plain requests: a few milliseconds each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from health_pipeline.crd import GROUP, PLURAL, VERSION

from tests.kubernetes.apiserver import ApiServer

CRD_FILE = Path(__file__).parents[2] / "k8s" / "crds" / f"{PLURAL}.{GROUP}.yaml"


def define(kube: ApiServer) -> None:
    """Apply the CustomResourceDefinition; returns when HealthPipelines can be made. Not even a warning is let pass."""
    done = kube.try_kubectl("apply", "--server-side", "-f", CRD_FILE)
    assert (done.returncode, done.stderr) == (0, "")
    kube.kubectl("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}", "--timeout=20s")


class Pipelines:
    """Those of one namespace."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self._client = client
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"

    def problems(self, document: dict[str, Any]) -> list[str]:
        """What the API server says against a new one, as ``field: message``; nothing is made."""
        return _problems(self._try(document))

    def dry(self, document: dict[str, Any]) -> dict[str, Any]:
        """The object as it would be made, defaults and all."""
        return _accepted(self._try(document))

    def create(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make it."""
        return _accepted(self._client.post(self._path, params={"fieldValidation": "Strict"}, json=document))

    def edit_problems(self, name: str, spec: dict[str, Any]) -> list[str]:
        """What the API server says against changing the spec of one that is there to this; nothing is changed."""
        return _problems(self._replace(name, spec, dry=True))

    def edit(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Change the spec of one that is there to this."""
        return _accepted(self._replace(name, spec, dry=False))

    def _try(self, document: dict[str, Any]) -> httpx.Response:
        return self._client.post(self._path, params={"fieldValidation": "Strict", "dryRun": "All"}, json=document)

    def _replace(self, name: str, spec: dict[str, Any], *, dry: bool) -> httpx.Response:
        there = _accepted(self._client.get(f"{self._path}/{name}"))
        params = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        return self._client.put(f"{self._path}/{name}", params=params, json={**there, "spec": spec})


def _accepted(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found


def _problems(response: httpx.Response) -> list[str]:
    if response.is_success:
        return []
    assert response.status_code in (400, 422), response.text
    told = response.json()
    causes = (told.get("details") or {}).get("causes") or [{"field": "", "message": told["message"]}]
    return [f"{cause.get('field', '')}: {cause['message']}" for cause in causes]

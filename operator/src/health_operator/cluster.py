"""The API server, as few and plain calls as the operator needs; the only module that imports the Kubernetes client.

Objects are the JSON that travels, in and out: no models are built, so a call costs about a millisecond of CPU. From
the client comes what it does best: kubeconfig, service account tokens that renew themselves, TLS. Errors are
translated here; what is not there is None.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject, RESTResponse
from kubernetes.aio.config import load_incluster_config, load_kube_config

from health_operator.errors import ClusterError, Conflict, Expired, Forbidden, Invalid, Unreachable
from health_operator.kinds import Kind
from health_operator.naming import FIELD_MANAGER

Object = dict[str, Any]

# An answer takes milliseconds; server-side apply through a slow admission webhook up to its own limit of 10 s.
_CALL = aiohttp.ClientTimeout(total=20, sock_connect=5)
# The server ends a watch by itself after this long, so that none stays on a server that is going away.
_WATCH_SECONDS = 240
# Bookmarks come every minute: silence for longer means that nobody is there.
_WATCH = aiohttp.ClientTimeout(total=_WATCH_SECONDS + 30, sock_connect=5, sock_read=90)
# Enough to keep the server busy while one pipeline's children are listed; more would only queue there.
_CONNECTIONS = 40

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_APPLY, _MERGE, _JSON = "application/apply-patch+yaml", "application/merge-patch+json", "application/json"
_ERRORS: Mapping[int, type[ClusterError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    409: Conflict,
    410: Expired,
    413: Invalid,
    422: Invalid,
    429: Unreachable,
}
_OK, _NOT_FOUND, _FIRST_REFUSAL, _FIRST_FAILURE = 200, 404, 300, 500


@dataclass(frozen=True)
class Credentials:
    """How this process reaches the API server; ``authorization`` is the header's value."""

    server: str
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    authorization: str | None
    verify: bool


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = None
    content_type: str = _JSON
    accept: str = _JSON

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Cluster:
    """Calls of the API server. ``may_write`` is asked before each write and raises when there must be none."""

    def __init__(self, configuration: Configuration) -> None:
        configuration.connection_pool_maxsize = _CONNECTIONS
        # Or each request would look for a ~/.netrc, in a thread. Proxies are named in the kubeconfig.
        configuration.client_session_kwargs = {"trust_env": False}
        self._configuration = configuration
        self._rest = RESTClientObject(configuration)
        # Watches hold their connections for minutes: in the same pool they would starve the calls.
        self._streams = RESTClientObject(configuration)
        self._streams.maxsize = 0
        self.may_write: Callable[[], None] = lambda: None
        self.on_write: Callable[[str], None] = lambda _verb: None

    @classmethod
    async def connect(cls) -> Self:
        """By the service account when this runs in a pod, else by KUBECONFIG; no request is made yet."""
        configuration = Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await load_kube_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration, persist_config=False
            )
        return cls(configuration)

    async def close(self) -> None:
        """Give the connections back."""
        await self._rest.close()
        await self._streams.close()

    async def credentials(self) -> Credentials:
        """For another client of the same server; read anew, as tokens run out."""
        given = self._configuration
        return Credentials(given.host, given.ssl_ca_cert, given.cert_file, given.key_file,
                           await self._authorization(), given.verify_ssl)  # fmt: skip

    async def get(self, kind: Kind, namespace: str, name: str, *, metadata_only: bool = False) -> Object | None:
        """One object as it is now, or None."""
        accept = _METADATA if metadata_only else _JSON
        return await self._call(_Request("GET", kind.path(namespace, name), accept=accept))

    async def list(
        self,
        kind: Kind,
        namespace: str,
        labels: Mapping[str, str],
        *,
        cached: bool = False,
        metadata_only: bool = False,
    ) -> list[Object]:
        """The objects with these labels; in all namespaces when ``namespace`` is empty.

        A kind that the server does not know has none. ``cached`` takes what the API server holds in memory, which may
        be older than our own last write.
        """
        query = {"labelSelector": _selector(labels)}
        query |= {"resourceVersion": "0"} if cached else {}
        accept = _METADATA_LIST if metadata_only else _JSON
        found = await self._call(_Request("GET", kind.path(namespace), query, accept=accept))
        # In a list the server does not repeat what its items are.
        named = {"apiVersion": kind.api_version, "kind": kind.kind}
        # An empty list of metadata comes as null.
        return [{**item, **named} for item in (found or {}).get("items") or ()]

    async def apply(self, kind: Kind, manifest: Object, *, force: bool = True) -> None:
        """Server-side apply; Invalid when there is no such kind.

        Without ``force``, Conflict when somebody else has set one of the fields otherwise.
        """
        metadata = manifest["metadata"]
        query = {"fieldManager": FIELD_MANAGER, "force": str(force).lower()}
        path = kind.path(metadata["namespace"], metadata["name"])
        if await self._write("apply", _Request("PATCH", path, query, manifest, _APPLY)) is None:
            raise Invalid(f"PATCH {path}: there is no such kind or namespace", _NOT_FOUND)

    async def merge(
        self, kind: Kind, namespace: str, name: str, change: Object, *, subresource: str = ""
    ) -> Object | None:
        """A JSON merge patch: null removes. With ``metadata.resourceVersion``, Conflict rather than overwrite."""
        path = kind.path(namespace, name, subresource)
        return await self._write("patch", _Request("PATCH", path, {"fieldManager": FIELD_MANAGER}, change, _MERGE))

    async def create(self, kind: Kind, manifest: Object) -> Object:
        """A new object; Conflict when there is one of that name."""
        path, query = kind.path(manifest["metadata"]["namespace"]), {"fieldManager": FIELD_MANAGER}
        made = await self._write("create", _Request("POST", path, query, manifest))
        if made is None:
            raise Invalid(f"POST {path}: there is no such kind or namespace", _NOT_FOUND)
        return made

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str, *, whole: bool = False) -> None:
        """Delete this very object, and what it owns after it; nothing when it is gone or another has its name.

        ``whole``: what it owns before it, so that nothing of it is left once it is gone.
        """
        options = {"propagationPolicy": "Foreground" if whole else "Background", "preconditions": {"uid": uid}}
        try:
            await self._write("delete", _Request("DELETE", kind.path(namespace, name), body=options))
        except Conflict:
            return

    async def served(self, api_version: str) -> frozenset[str]:
        """The kinds of a group and version; none when the group is not there."""
        found = await self._call(_Request("GET", f"/apis/{api_version}"))
        return frozenset(resource["kind"] for resource in found["resources"]) if found else frozenset()

    async def watch(
        self, kind: Kind, namespace: str, labels: Mapping[str, str], since: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Changes after ``since`` for some minutes: ADDED, MODIFIED, DELETED or BOOKMARK, and the object's metadata."""
        query = {
            "watch": "true", "allowWatchBookmarks": "true", "resourceVersion": since,
            "timeoutSeconds": str(_WATCH_SECONDS),
            "labelSelector": _selector(labels),
        }  # fmt: skip
        request = _Request("GET", kind.path(namespace), query, accept=_METADATA)
        try:
            response = await self._send(self._streams, request, _WATCH)
            async with response.response:
                if response.status != _OK:
                    raise _error(request, response.status, await response.response.read())
                async for line in response.response.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _error(request, event["object"].get("code", 0), line)
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"watch of {request.path}: {error!r}") from error

    async def position(self, kind: Kind, namespace: str) -> str:
        """Where a watch can begin so that nothing after this call is missed."""
        found = await self._call(_Request("GET", kind.path(namespace), {"limit": "1"}, accept=_METADATA_LIST))
        return str(found["metadata"]["resourceVersion"]) if found else ""

    async def _write(self, verb: str, request: _Request) -> Object | None:
        self.may_write()
        answer = await self._call(request)
        self.on_write(verb)
        return answer

    async def _call(self, request: _Request) -> Object | None:
        try:
            response = await self._send(self._rest, request, _CALL)
            data = await response.response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{request}: {error!r}") from error
        if response.status == _NOT_FOUND:
            return None
        if response.status >= _FIRST_REFUSAL:
            raise _error(request, response.status, data)
        answer: Object = json.loads(data)
        return answer

    async def _send(self, rest: RESTClientObject, request: _Request, timeout: aiohttp.ClientTimeout) -> RESTResponse:
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {"User-Agent": FIELD_MANAGER, "Accept": request.accept, "Content-Type": request.content_type}
        if authorization := await self._authorization():
            headers["Authorization"] = authorization
        url = self._configuration.host + request.path + query
        response: RESTResponse = await rest.request(  # type: ignore[no-untyped-call]
            request.method, url, headers=headers, body=request.body, _request_timeout=timeout
        )
        return response

    async def _authorization(self) -> str | None:
        settings = await self._configuration.auth_settings()
        token = settings.get("BearerToken")
        return token["value"] if token else None


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _error(request: _Request, status: int, data: bytes) -> ClusterError:
    try:
        message = json.loads(data).get("message", "")
    except (ValueError, AttributeError):
        message = data[:200].decode(errors="replace")
    kind = _ERRORS.get(status, Unreachable if status >= _FIRST_FAILURE or not status else ClusterError)
    return kind(f"{request}: {status} {message}", status)

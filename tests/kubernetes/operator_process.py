"""The operator as a process of its own, in one namespace of the API server; and everybody else who writes there."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import Command, Process, last_lines
from healthctl.embedded.waiting import wait_until

WAIT_S = 60.0  # what takes a second takes ten of them on a busy machine

Object = dict[str, Any]

# A Kafka and an AWS endpoint that stand in, so that a small spec will do.
PLATFORM = {"stand_ins": {"kafka": "kafka.test:9092", "aws": "http://aws.test:4566"}}


class Operator:
    """``python -m health_operator`` between ``with`` and its end, watching one namespace."""

    def __init__(self, kubeconfig: Path, namespace: str, folder: Path, **settings: str) -> None:
        ports = PortBook()
        self.health_port, self._metrics_port = ports.port("operator", "health"), ports.port("operator", "metrics")
        self.log = folder / f"operator-{self.health_port}.log"
        given = {
            "namespace": namespace,
            "identity": f"replica-{self.health_port}",
            "watch_namespaces": json.dumps([namespace]),
            "health_port": str(self.health_port),
            "metrics_port": str(self._metrics_port),
            "platform": json.dumps(PLATFORM),
            "resync_seconds": "2",
            **settings,
        }
        self.identity = given["identity"]
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._env |= {f"HEALTH_OPERATOR_{name.upper()}": value for name, value in given.items()}
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; it need not be at work yet."""
        self._process = Process(Command("operator", (sys.executable, "-m", "health_operator"), self.log, self._env))

    def stop(self) -> int:
        """As the kubelet stops it; how it ended."""
        process, self._process = self._process, None
        return process.stop(grace_s=30) if process is not None else 0

    def kill(self) -> None:
        """As a machine that is gone."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send(signal.SIGKILL)
        process.clean_up()

    def ended(self) -> int | None:
        """How it ended by itself."""
        return self._process.ended() if self._process is not None else None

    def get(self, path: str) -> httpx.Response:
        """Of its health port."""
        return httpx.get(f"http://{LOOPBACK}:{self.health_port}{path}", trust_env=False)

    def is_at_work(self) -> bool:
        """It holds the lease."""
        try:
            return self.metric("health_operator_leader") == 1
        except httpx.TransportError:
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def told(self) -> str:
        """The end of its log."""
        return "\n".join(last_lines(self.log, 30))


class Space:
    """The objects of one namespace, by plain requests. ``collection`` is such as ``apps/v1/deployments``."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    def path(self, collection: str, name: str = "") -> str:
        """URL path."""
        version, _, plural = collection.rpartition("/")
        root = "/apis" if "/" in version else "/api"
        return f"{root}/{version}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def find(self, collection: str, name: str) -> Object | None:
        """The object, or None."""
        response = self._client.get(self.path(collection, name))
        return None if response.status_code == httpx.codes.NOT_FOUND else _read(response)

    def get(self, collection: str, name: str) -> Object:
        """The object, which must be there."""
        return _read(self._client.get(self.path(collection, name)))

    def list(self, collection: str) -> list[Object]:
        """All of a kind; none of a kind that there is not."""
        response = self._client.get(self.path(collection))
        return [] if response.status_code == httpx.codes.NOT_FOUND else list(_read(response)["items"])

    def create(self, collection: str, manifest: Object) -> Object:
        """Make it."""
        return _read(self._client.post(self.path(collection), json=manifest))

    def patch(self, collection: str, name: str, change: Object, subresource: str = "") -> Object:
        """Merge this into it."""
        return _read(self._patch(collection, name, change, subresource))

    def is_patched(self, collection: str, name: str, change: Object) -> bool:
        """Merge this into it; False when the API server refuses."""
        return self._patch(collection, name, change).is_success

    def delete(self, collection: str, name: str) -> None:
        """Delete it."""
        _read(self._client.delete(self.path(collection, name)))

    def _patch(self, collection: str, name: str, change: Object, subresource: str = "") -> httpx.Response:
        path = self.path(collection, name) + (f"/{subresource}" if subresource else "")
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._client.patch(path, content=json.dumps(change), headers=headers)

    def versions(self, *collections: str) -> dict[str, str]:
        """Name and resource version of each object of these kinds: equal when nothing was written in between."""
        return {
            f"{collection}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for collection in collections
            for item in self.list(collection)
        }


def until(condition: Callable[[], object], what: str, operator: Operator | None = None, within: float = WAIT_S) -> None:
    """Wait for it; AssertionError with the operator's last words when it does not come."""
    if not wait_until(lambda: bool(condition()), within):
        told = f"\n{operator.told()}" if operator is not None else ""
        raise AssertionError(f"not within {within:g} s: {what}{told}")


def _read(response: httpx.Response) -> Object:
    assert response.is_success, f"{response.request.method} {response.request.url}: {response.text}"
    found: Object = response.json()
    return found

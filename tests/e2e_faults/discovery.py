"""What a Prometheus is to scrape on the cluster: the pods that serve metrics, as PodMonitors choose and label them.

In a file that is kept up to date, for Debian's Prometheus is built without Kubernetes' own way to be asked.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e import kube
from tests.e2e_faults.background import beside

_EVERY_S = 3.0
_PORT = "metrics"


def scrape(job: str, path: Path) -> dict[str, Any]:
    """A job of Prometheus that scrapes what is in that file."""
    return {"job_name": job, "file_sd_configs": [{"files": [str(path)], "refresh_interval": "5s"}]}


@contextmanager
def kept(path: Path, namespace: str, app: str) -> Iterator[None]:
    """A file of the pods of an app, by its label."""
    _write(path, namespace, app)

    def keep(done: threading.Event) -> None:
        while not done.wait(_EVERY_S):
            with contextlib.suppress(AssertionError):  # the API server is busy: the next look tells
                _write(path, namespace, app)

    with beside(keep):
        yield


def _write(path: Path, namespace: str, app: str) -> None:
    pods = kube.items("pods", namespace, f"app.kubernetes.io/name={app}")
    new = path.with_suffix(".new")
    new.write_text(json.dumps([target for pod in pods for target in _targets(pod)]))
    new.replace(path)


def _targets(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    status, metadata = pod["status"], pod["metadata"]
    if status["phase"] != "Running":
        return
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            if port.get("name") == _PORT:
                labels = {"namespace": metadata["namespace"], "pod": metadata["name"]}
                yield {"targets": [f"{status['podIP']}:{port['containerPort']}"], "labels": labels}

"""The cluster as a test sees it: kubectl, Helm, and ways to a Service. Whatever KUBECONFIG says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

TIMEOUT_S = 120.0
_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


def kubectl(*arguments: str, stdin: str | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """What kubectl prints; AssertionError with what it complains of."""
    return _run(["kubectl", *arguments], stdin, timeout_s)


def helm(*arguments: str, timeout_s: float = 300) -> str:
    """What Helm prints; AssertionError with what it complains of."""
    return _run(["helm", *arguments], None, timeout_s)


def get(kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    """An object; None when there is none."""
    text = kubectl("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "json")
    found: dict[str, Any] | None = json.loads(text) if text.strip() else None
    return found


def items(kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
    """The objects of a kind."""
    text = kubectl("get", kind, "-n", namespace, "-l", selector, "-o", "json")
    found: list[dict[str, Any]] = json.loads(text)["items"]
    return found


def condition(thing: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """A condition of an object by its type; empty when there is none."""
    conditions = (thing or {}).get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def wait_for(what: str, holds: Callable[[], object], timeout_s: float, every_s: float = 1.0) -> Any:
    """Ask until the answer is true, and give it; AssertionError that says ``what`` did not come about."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = holds()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what} (last answer: {answer!r})")
        time.sleep(every_s)


def service_json(namespace: str, service: str, port: int, path: str) -> dict[str, Any] | None:
    """A Service's answer, through the API server; None while it does not answer."""
    target = f"/api/v1/namespaces/{namespace}/services/http:{service}:{port}/proxy{path}"
    done = subprocess.run(["kubectl", "get", "--raw", target], capture_output=True, text=True, timeout=30, check=False)
    answer: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return answer


@contextmanager
def forwarded(namespace: str, service: str, port: int, log: Path) -> Iterator[str]:
    """``http://127.0.0.1:<a free port>`` of a Service, while it lasts."""
    with log.open("w") as output:
        command = ["kubectl", "port-forward", "-n", namespace, f"service/{service}", f":{port}"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            found = wait_for("port-forward listens", lambda: _FORWARDED.search(log.read_text()), 30, 0.1)
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def reached(namespace: str, service: str, port: int, log: Path) -> Iterator[str]:
    """A Service's URL for much traffic: its own address where this machine is the cluster's node, else ``forwarded``.

    A forwarded byte is copied by kubelet, containerd and the API server, with which two cores have their hands full.
    """
    if _this_is_the_node():
        found = get("service", service, namespace)
        assert found is not None, f"no Service {service} in {namespace}"
        yield f"http://{found['spec']['clusterIP']}:{port}"
    else:
        with forwarded(namespace, service, port, log) as url:
            yield url


def _this_is_the_node() -> bool:
    """Whether the address of a node is one of this machine's."""
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    told = [address for node in nodes for address in node["status"]["addresses"]]
    return any(_is_ours(each["address"]) for each in told if each["type"] == "InternalIP")


def _is_ours(address: str) -> bool:
    """Whether a socket of this machine can have the address."""
    with closing(socket.socket()) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _run(command: list[str], stdin: str | None, timeout_s: float) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}"
    return done.stdout

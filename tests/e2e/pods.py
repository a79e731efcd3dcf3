"""What is asked from within the cluster: by a pod of nobody's, or in a component's own."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.e2e import kube
from tests.e2e.conftest import SYSTEM

BROKER = f"dev-kafka.{SYSTEM}.svc:9092"
ASKED_S = 120.0
# What the broker advertises is a name that only the cluster resolves.
_TOPICS = """
import sys
from confluent_kafka.admin import AdminClient
print(*AdminClient({"bootstrap.servers": sys.argv[1]}).list_topics(timeout=30).topics)
"""
_OPEN = """
import socket, sys
for place in sys.argv[1:]:
    try:
        socket.create_connection(tuple(place.split(":")), 5).close()
        print(place)
    except (ConnectionError, TimeoutError):
        pass
"""


def topics_of(pipeline: str, image: str) -> set[str]:
    """The topics of a pipeline that there are; ``image`` is one with a Kafka client in it."""
    return {topic for topic in _run(SYSTEM, image, _TOPICS, BROKER) if topic.startswith(f"{pipeline}.")}


def open_to_strangers(namespace: str, image: str, *places: str) -> set[str]:
    """Those of ``host:port`` that a pod without labels can connect to."""
    return set(_run(namespace, image, _OPEN, *places))


def open_to(namespace: str, deployment: str, *places: str) -> set[str]:
    """Those of ``host:port`` that a Deployment's pod can connect to."""
    ask = ("--", "python", "-c", _OPEN, *places)
    return set(kube.kubectl("exec", f"deployment/{deployment}", "-n", namespace, *ask).split())


def _run(namespace: str, image: str, code: str, *arguments: str) -> list[str]:
    """The words that a program in Python prints in a pod of its own; AssertionError with its output if it fails."""
    name = f"ask-{secrets.token_hex(4)}"
    kube.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(_pod(name, image, [code, *arguments])))

    def phase() -> str:
        return str((kube.get("pod", name, namespace) or {})["status"]["phase"])

    try:
        kube.wait_for(f"{name} has ended", lambda: phase() in ("Succeeded", "Failed"), ASKED_S)
        told = kube.kubectl("logs", name, "-n", namespace)
        assert phase() == "Succeeded", told
    finally:
        kube.kubectl("delete", "pod", name, "-n", namespace, "--wait=false")
    return told.split()


def _pod(name: str, image: str, program: list[str]) -> dict[str, Any]:
    """As ``restricted`` wants a pod to be."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "ask",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", *program],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }

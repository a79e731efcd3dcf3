"""The broker's topics. It is asked by a pod: what it advertises is a name that only the cluster resolves."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.e2e import kube
from tests.e2e.conftest import SYSTEM

BROKER = f"dev-kafka.{SYSTEM}.svc:9092"
ASKED_S = 120.0
_ASK = "import sys; from confluent_kafka.admin import AdminClient; " \
       "print(*AdminClient({'bootstrap.servers': sys.argv[1]}).list_topics(timeout=30).topics)"  # fmt: skip


def topics_of(pipeline: str, image: str) -> set[str]:
    """The topics of a pipeline that there are; ``image`` is one with a Kafka client in it."""
    name = f"topics-{secrets.token_hex(4)}"
    kube.kubectl("apply", "-n", SYSTEM, "-f", "-", stdin=json.dumps(_pod(name, image)))
    try:

        def has_ended() -> bool:
            return (kube.get("pod", name, SYSTEM) or {})["status"]["phase"] in ("Succeeded", "Failed")

        kube.wait_for("the broker is asked for its topics", has_ended, ASKED_S)
        told = kube.kubectl("logs", name, "-n", SYSTEM)
        assert (kube.get("pod", name, SYSTEM) or {})["status"]["phase"] == "Succeeded", told
    finally:
        kube.kubectl("delete", "pod", name, "-n", SYSTEM, "--wait=false")
    return {topic for topic in told.split() if topic.startswith(f"{pipeline}.")}


def _pod(name: str, image: str) -> dict[str, Any]:
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
                    "command": ["python", "-c", _ASK, BROKER],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }

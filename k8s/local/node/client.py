"""kubectl, called by the node's first process."""

import json
from typing import Any

from node.errors import NodeError
from node.network import NODE_NAME
from node.paths import BIN, KUBECONFIG
from node.process import output


def kubectl(*arguments: str, timeout: float = 30) -> str:
    """What kubectl prints; NodeError when it fails."""
    return output([BIN / "kubectl", f"--kubeconfig={KUBECONFIG}", *arguments], timeout)


def api_is_ready() -> bool:
    return _succeeds("get", "--raw=/readyz")


def node_is_ready() -> bool:
    if not _succeeds("get", "node", NODE_NAME, "--output=name"):
        return False
    node: dict[str, Any] = json.loads(kubectl("get", "node", NODE_NAME, "--output=json"))
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))


def _succeeds(*arguments: str) -> bool:
    try:
        kubectl("--request-timeout=5s", *arguments)
    except NodeError:
        return False
    return True

"""The node's first process: starts the parts in order, then reaps and watches them.

It runs as process 1 of the node's own namespaces. When it ends, for whatever reason, the kernel ends every process in
them, unmounts what they mounted and removes their network: a node is whole or gone.
"""

import sys
from string import Template

from node import control_plane, worker
from node.client import kubectl
from node.errors import NodeError
from node.network import DNS_SERVICE_IP, set_up_mounts, set_up_network
from node.parts import Parts
from node.paths import MANIFESTS, READY, STATE
from node.process import say
from node.versions import COREDNS_IMAGE

DNS_TIMEOUT = 60.0


def main() -> None:
    set_up_mounts()
    set_up_network()
    parts = Parts()
    control_plane.start(parts)
    worker.start(parts)
    _start_name_service(parts)
    READY.touch()
    parts.reap_for_ever()


def _start_name_service(parts: Parts) -> None:
    """CoreDNS, so that pods find Services by name."""
    say("  starting coredns")
    manifest = STATE / "coredns.yaml"
    template = Template((MANIFESTS / "coredns.yaml").read_text())
    manifest.write_text(template.substitute(IMAGE=COREDNS_IMAGE, ADDRESS=DNS_SERVICE_IP))
    kubectl("apply", "--server-side", f"--filename={manifest}")
    parts.wait_until("kubelet", "the name service is ready", _name_service_is_ready, DNS_TIMEOUT)


def _name_service_is_ready() -> bool:
    ready = kubectl(
        "get", "deployment", "coredns", "--namespace=kube-system", "--output=jsonpath={.status.readyReplicas}"
    )
    return ready == "1"


if __name__ == "__main__":
    try:
        main()
    except NodeError as error:
        say(f"error: {error}")
        sys.exit(1)

"""What the node's own namespaces look like from within: its network, and what it may touch of the machine's files.

The node runs in a network, a mount and a process namespace of its own (lifecycle.py makes them). Its network has no way
out, so nothing leaves it and no address or port of it can clash with the machine's. Its mounts are seen by nobody else.
"""

from pathlib import Path

from node.errors import NodeError
from node.paths import CACHE, CONTAINERD_SOCKET, STATE, VAR
from node.process import output

NODE_NAME = "health-node"
NODE_IP = "10.200.0.1"
POD_NETWORK = "10.244.0.0/24"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"

HIDDEN = ("/run", "/var/lib", "/var/log")
# Kernel settings of the whole machine, which the kubelet insists on setting: it gets copies.
SHIELDED_SETTINGS = (
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/panic_on_oops",
    "/proc/sys/kernel/keys/root_maxkeys",
    "/proc/sys/kernel/keys/root_maxbytes",
)
SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes; containerd adds a suffix


def check_places() -> None:
    """The cache and the state must stay visible in the namespace, and a socket's path must be short enough."""
    for place in (CACHE.resolve(), STATE):
        if any(place.is_relative_to(hidden) for hidden in HIDDEN):
            raise NodeError(f"{place} cannot be used, the node hides {', '.join(HIDDEN)}: set XDG_CACHE_HOME")
    if len(str(CONTAINERD_SOCKET)) > SOCKET_PATH_LIMIT:
        raise NodeError(f"{STATE} is too long a path for a socket; set HEALTH_NODE_STATE to a shorter one")


def set_up_mounts() -> None:
    """Give the node folders of its own where its programs write to fixed paths: none of it reaches the machine."""
    output(["mount", "--make-rshared", "/"])  # shared among the node's own processes, as pods' mount propagation wants
    for name in ("lib", "log"):
        (VAR / name).mkdir(parents=True)
        output(["mount", "--bind", VAR / name, f"/var/{name}"])
    output(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    for number, setting in enumerate(SHIELDED_SETTINGS):
        stand_in = STATE / "tmp" / f"setting-{number}"
        stand_in.write_text(Path(setting).read_text())
        output(["mount", "--bind", stand_in, setting])


def set_up_network() -> None:
    """A bridge that carries the node's address, and a default route onto it, so that Service addresses have one."""
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", "node0", "type", "bridge"],
        ["ip", "address", "add", f"{NODE_IP}/24", "dev", "node0"],
        ["ip", "link", "set", "node0", "up"],
        ["ip", "route", "add", "default", "via", NODE_IP, "dev", "node0"],
    ):
        output(command)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

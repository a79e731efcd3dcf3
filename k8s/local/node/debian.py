"""The programs that come from Debian: which, and how they get here."""

import os
import shutil
from pathlib import Path

from node.errors import NodeError
from node.paths import CACHE
from node.process import logged, say

# program -> package. Most of them are of no use to a user who is not root: sbin is looked into as well.
NODE_PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "buildah": "buildah",
    "skopeo": "skopeo",
}
BASE_IMAGE_PROGRAMS = {"debootstrap": "debootstrap", "buildah": "buildah"}
CNI_PLUGINS = Path("/usr/lib/cni")
CNI_PACKAGE = "containernetworking-plugins"
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
INSTALL_TIMEOUT = 600.0


def ensure_installed(programs: dict[str, str], cni: bool = False) -> None:
    """Install what is missing with apt-get when root may; otherwise NodeError with the command to type."""
    missing = sorted({package for program, package in programs.items() if not shutil.which(program, path=SEARCH_PATH)})
    if cni and not (CNI_PLUGINS / "bridge").exists():
        missing.append(CNI_PACKAGE)
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() or not shutil.which("apt-get"):
        raise NodeError(f"missing on this machine: {' '.join(missing)} (on Debian, as root: {' '.join(command)})")
    say(f"installing from Debian: {' '.join(missing)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    logged(
        "reading Debian's package lists", ["apt-get", "update"], CACHE / "logs" / "apt.log", INSTALL_TIMEOUT, env=quiet
    )
    logged("installing Debian's packages", command, CACHE / "logs" / "apt.log", INSTALL_TIMEOUT, env=quiet)

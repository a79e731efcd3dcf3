"""The node's cgroups: all of its pods are below one of a name of our own, so that they can be found and removed.

On cgroup v2 that is one folder; on v1 each controller has a tree of its own, and the node one folder in each.
"""

import os
from pathlib import Path

NAME = "health-node"
MOUNT = Path("/sys/fs/cgroup")
V2_CONTROLLERS = "+cpu +cpuset +memory +pids"


def create() -> None:
    """Make the node's cgroup in every tree."""
    if _is_v2():
        (MOUNT / "cgroup.subtree_control").write_text(V2_CONTROLLERS)
    for tree in _trees():
        (tree / NAME).mkdir(exist_ok=True)


def existing() -> list[Path]:
    """The node's cgroups that are there."""
    return [tree / NAME for tree in _trees() if (tree / NAME).is_dir()]


def remove() -> bool:
    """Remove them from the leaves up; False while the kernel still holds one, which it does for a moment."""
    try:
        for top in existing():
            for folder, _, _ in os.walk(top, topdown=False):
                Path(folder).rmdir()
    except OSError:
        return False
    return True


def _is_v2() -> bool:
    return (MOUNT / "cgroup.controllers").exists()


def _trees() -> list[Path]:
    if _is_v2():
        return [MOUNT]
    return [path for path in MOUNT.iterdir() if path.is_dir() and not path.is_symlink()]

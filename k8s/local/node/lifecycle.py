"""Bring the node up, tell whether it is, take it down without a trace.

All of the node is one process tree in a network, a mount and a process namespace of its own. What is remembered is the
id and the start time of two processes: `unshare`, which made the namespaces, and the first process in them.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from node import certificates, cgroups, debian, images
from node.build import binary, ensure_built
from node.errors import NodeError, last_lines
from node.network import check_places
from node.paths import BIN, CACHE, KUBECONFIG, LOGS, NODE_RECORD, PACKAGE, READY, STATE
from node.process import say, wait_until
from node.versions import ETCD_SERVER, HELM_CLIENT, KUBE_ROUTER_PROGRAM, KUBERNETES, LOCALKUBE, NODE_PARTS

UP_TIMEOUT = 300.0
DOWN_TIMEOUT = 30.0
FIRST_PROCESS = "node.first"
KUBERNETES_PROGRAMS = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl",
)  # fmt: skip


@dataclass(frozen=True)
class Process:
    """A process by its id and its start time (clock ticks since boot), so that a reused id is not taken for it."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        return cls(pid, _started(pid) or 0)

    def lives(self) -> bool:
        return self.started != 0 and _started(self.pid) == self.started

    def kill(self) -> None:
        if self.lives():
            os.kill(self.pid, signal.SIGKILL)


def _started(pid: int) -> int | None:
    """When a process started; None when there is none or only its exit code is left of it."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[0] in ("Z", "X") else int(after_name[19])


def _recorded() -> list[Process]:
    """The processes of the node: none when it was never started, `unshare` first."""
    if not NODE_RECORD.exists():
        return []
    return [Process(**each) for each in json.loads(NODE_RECORD.read_text())]


def is_up() -> bool:
    processes = _recorded()
    return READY.exists() and bool(processes) and all(each.lives() for each in processes)


def up() -> None:
    """Build what is missing and start the node; returns when pods can run on it."""
    _must_be_root()
    check_places()
    with _only_one():
        if is_up():
            say(f"the node is up already; {_how_to_use()}")
            return
        _remove()
        debian.ensure_installed(debian.NODE_PROGRAMS, cni=True)
        ensure_built(NODE_PARTS)
        images.ensure_system_images()
        started = time.monotonic()
        say(f"starting Kubernetes {KUBERNETES} on one node")
        try:
            _prepare_state()
            _follow(_launch())
        except BaseException:
            _end_processes()
            raise
        say(f"the node is ready after {time.monotonic() - started:.0f} s; {_how_to_use()}")


def down() -> None:
    """End the node and remove what it left. Works from any state, also when there is no node."""
    if not STATE.exists() and not cgroups.existing():
        say("there is no node")
        return
    _must_be_root()
    with _only_one():
        _remove()
    say("the node is gone")


def inside() -> list[str]:
    """What to put before a command so that it runs in the node's network; NodeError when the node is not up."""
    if not is_up():
        raise NodeError("the node is not up (make cluster-up)")
    return ["nsenter", f"--net=/proc/{_recorded()[0].pid}/ns/net"]


def environment_inside() -> dict[str, str]:
    """The environment for such a command, on top of one's own: the node's programs and kubeconfig, no proxy."""
    return {"PATH": f"{BIN}:{debian.SEARCH_PATH}", "KUBECONFIG": str(KUBECONFIG), "NO_PROXY": "*", "no_proxy": "*"}


def _must_be_root() -> None:
    if os.geteuid():
        raise NodeError(
            "the node needs root, to make namespaces and containers: run this as root (sudo -E make cluster-up)"
        )


@contextmanager
def _only_one() -> Iterator[None]:
    """One up or down at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeError("another command is bringing the node up or down") from None
        yield


def _prepare_state() -> None:
    for folder in (STATE, BIN, LOGS, STATE / "tmp"):
        folder.mkdir(parents=True)
    STATE.chmod(0o711)
    for name in KUBERNETES_PROGRAMS:
        (BIN / name).symlink_to(binary(LOCALKUBE))
    (BIN / "etcd").symlink_to(binary(ETCD_SERVER))
    (BIN / "kube-router").symlink_to(binary(KUBE_ROUTER_PROGRAM))
    (BIN / "helm").symlink_to(binary(HELM_CLIENT))
    certificates.make_all()
    cgroups.create()


def _launch() -> subprocess.Popen[bytes]:
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with (LOGS / "node.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, sys.executable, "-m", FIRST_PROCESS],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    _record([Process.of(process.pid)])
    wait_until("the node's first process starts", lambda: bool(_children(process.pid)), timeout=10)
    _record([Process.of(process.pid), Process.of(_children(process.pid)[0])])
    return process


def _environment() -> dict[str, str]:
    """What the node's processes are given. No proxy settings of the machine: nothing in the node is beyond it."""
    return {
        "PATH": f"{BIN}:{debian.SEARCH_PATH}",
        "HOME": str(STATE),
        "TMPDIR": str(STATE / "tmp"),
        "XDG_CACHE_HOME": str(CACHE.parent.parent),
        "HEALTH_NODE_STATE": str(STATE),
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _record(processes: list[Process]) -> None:
    NODE_RECORD.write_text(json.dumps([asdict(each) for each in processes]))


def _follow(process: subprocess.Popen[bytes]) -> None:
    """Show what the first process says until the node is ready; NodeError when it ends instead."""
    log = LOGS / "node.log"
    with log.open() as lines:

        def ready() -> bool:
            ended = process.poll() is not None
            for line in lines:
                say(line.rstrip())
            if ended:
                raise NodeError(f"the node did not start; its logs are in {LOGS}")
            return READY.exists()

        wait_until("the node is ready", ready, UP_TIMEOUT, lambda: last_lines(log))


def _remove() -> None:
    """End the node's processes, then remove its cgroups and files."""
    _end_processes()
    wait_until("the node's cgroups are removed", cgroups.remove, DOWN_TIMEOUT)
    if STATE.exists():
        _refuse_if_mounted()
        shutil.rmtree(STATE)


def _end_processes() -> None:
    processes = _recorded()
    for process in reversed(processes):  # the first process of the namespaces takes all others with it
        process.kill()
    wait_until("the node's processes end", lambda: not any(each.lives() for each in processes), DOWN_TIMEOUT)


def _refuse_if_mounted() -> None:
    """The node's mounts go with its namespace. Should one still be seen, deleting would reach through it."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = [point for point in mounted if Path(point).is_relative_to(STATE)]
    if inside:
        raise NodeError(f"{', '.join(inside)} is still mounted: unmount it, then run this again")


def _how_to_use() -> str:
    return f"k8s/local/kubectl get pods -A (kubeconfig: {KUBECONFIG})"

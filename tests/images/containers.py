"""Runs images as a strict Kubernetes would: runc, as nobody, without capabilities, on a read-only root file system."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = 10001


@dataclass
class Pod:
    """A network of its own, with a loopback interface and nothing else."""

    process: subprocess.Popen[bytes]

    @property
    def network(self) -> str:
        """Its network namespace."""
        return f"/proc/{self.process.pid}/ns/net"

    def run(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command of this machine in the pod's network."""
        entered = ["nsenter", f"--net={self.network}", *command]
        return subprocess.run(entered, capture_output=True, text=True, check=False, timeout=timeout)

    def python(self, code: str, *arguments: str) -> str:
        """What a program in this environment printed, run in the pod's network; fails with what it complained of."""
        done = self.run(sys.executable, "-c", code, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def answers(self, url: str) -> bool:
        """Whether it answers with 200."""
        return self.run("curl", "--silent", "--fail", "--output", "/dev/null", "--max-time", "5", url).returncode == 0


class Container:
    """An image's program. Its output is in ``log``."""

    def __init__(self, bundle: Path, root: str, config: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        self.id = bundle.name
        self.log = bundle / "log"
        self._state = bundle.parent / "runc"
        (bundle / "hosts").write_text("127.0.0.1 localhost pod\n")  # which the kubelet writes as well
        told = {**told, "volumes": {**told["volumes"], "/etc/hosts": bundle / "hosts"}}
        (bundle / "config.json").write_text(json.dumps(_runtime_config(root, config, told)))
        command = ["runc", "--root", str(self._state), "run", "--bundle", str(bundle), self.id]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def wait(self, timeout: float = 60) -> tuple[int, str]:
        """Its exit code and what it wrote, once it has ended by itself."""
        return self.process.wait(timeout), self.log.read_text()

    def stop(self, timeout: float = 30) -> tuple[int, float]:
        """Send SIGTERM as the kubelet does; the exit code, and the seconds that it took."""
        begin = time.monotonic()
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout), time.monotonic() - begin

    def signal(self, number: signal.Signals) -> None:
        """To the container's first process."""
        command = ["runc", "--root", str(self._state), "kill", self.id, str(number.value)]
        subprocess.run(command, capture_output=True, check=False)

    def remove(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait(30)


def _runtime_config(root: str, image: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """What runc is told: the image's own words, under the security context of a restricted pod."""
    spec: dict[str, Any] = json.loads(_default_spec())
    process = spec["process"]
    process |= {
        "terminal": False,
        "args": [*image.get("Entrypoint", []), *(told["args"] or image.get("Cmd", []))],
        "env": [*image["Env"], *(f"{name}={value}" for name, value in told["env"].items())],
        "cwd": image.get("WorkingDir", "/"),
        "user": {"uid": USER, "gid": USER},
        "capabilities": {kind: [] for kind in process["capabilities"]},
    }
    process.pop("rlimits", None)
    spec["root"] = {"path": root, "readonly": True}
    spec["hostname"] = "pod"
    spec["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})  # noqa: S108
    for destination, source in told["volumes"].items():
        mount = {"destination": destination, "type": "bind", "source": str(source), "options": ["bind", "rw"]}
        spec["mounts"].append(mount)
    network = next(each for each in spec["linux"]["namespaces"] if each["type"] == "network")
    network["path"] = told["network"]
    return spec


def _default_spec() -> str:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["runc", "spec", "--bundle", folder], check=True)
        return Path(folder, "config.json").read_text()


def buildah(*words: str) -> str:
    done = subprocess.run(["buildah", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr.strip()} (make images?)"
    return done.stdout.strip()

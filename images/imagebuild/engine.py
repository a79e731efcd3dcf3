"""Docker, or buildah where no Docker engine answers: the two ways to build an image, each as a command line; pure but
for looking at what there is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ASK_TIMEOUT_S = 15
_CERTIFICATES = Path("/etc/ssl/certs")


class BuildError(Exception):
    """One clear line: what is wrong and, where it helps, what to do."""


@dataclass(frozen=True)
class Engine:
    """A program that builds images; ``options`` go with every build."""

    program: str
    options: tuple[str, ...]

    @property
    def is_docker(self) -> bool:
        """Whether its images are in a Docker engine; else they are in buildah's store."""
        return self.program == "docker"

    def command(
        self, dockerfile: Path, tag: str, arguments: Mapping[str, str], label: tuple[str, str], context: Path
    ) -> list[str]:
        """The command that builds one image."""
        told = [word for name, value in sorted(arguments.items()) for word in ("--build-arg", f"{name}={value}")]
        files = [word for name, file in secrets().items() for word in ("--secret", f"id={name},src={file}")]
        name = ["--label", "=".join(label), "--tag", tag]
        return [self.program, *self.options, *told, *files, *name, "--file", str(dockerfile), str(context)]

    def label(self, tag: str, name: str) -> str:
        """An image's label; empty when it has none, or there is no such image."""
        if self.is_docker:
            return self._ask("image", "inspect", "--format", f'{{{{index .Config.Labels "{name}"}}}}', tag)
        return self._ask("inspect", "--type", "image", "--format", f'{{{{index .OCIv1.Config.Labels "{name}"}}}}', tag)

    def identity(self, tag: str) -> str:
        """Of an image that is here; empty when it is not."""
        if self.is_docker:
            return self._ask("image", "inspect", "--format", "{{.Id}}", tag)
        return self._ask("inspect", "--type", "image", "--format", "{{.FromImageID}}", tag)

    def size_mb(self, tag: str) -> int:
        """Of an image, in MB, all its layers together."""
        if self.is_docker:
            return round(int(self._ask("image", "inspect", "--format", "{{.Size}}", tag)) / 1e6)
        number, _, unit = self._ask("images", "--format", "{{.Size}}", tag).partition(" ")
        return round(float(number) * {"MB": 1, "GB": 1000}[unit])

    def _ask(self, *question: str) -> str:
        answer = subprocess.run([self.program, *question], capture_output=True, text=True, check=False)
        return answer.stdout.strip()


def choose() -> Engine:
    """Docker when an engine answers, else buildah; BuildError when there is neither."""
    if _docker_answers():
        return Engine("docker", ("build", "--progress", "plain"))
    if not shutil.which("buildah"):
        raise BuildError("no Docker engine answers and buildah is not installed (Debian: apt-get install buildah)")
    if os.geteuid():
        raise BuildError("no Docker engine answers, and buildah as it is used here needs root")
    # Without namespaces of its own it works in a container as well. It trusts the authorities that this machine trusts.
    options = ("bud", "--layers", "--isolation", "chroot", "--network", "host")
    return Engine("buildah", (*options, "--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"))


def secrets() -> dict[str, Path]:
    """What a build may read and not keep: where pip and Ivy find a mirror, when that is configured here."""
    pip = [os.environ.get("PIP_CONFIG_FILE"), "~/.config/pip/pip.conf", "/etc/pip.conf"]
    wanted = {"pip.conf": pip, "ivysettings.xml": [os.environ.get("HEALTH_IVY_SETTINGS")]}
    found = {}
    for name, places in wanted.items():
        files = [file for file in (Path(place).expanduser() for place in places if place) if file.is_file()]
        if files:
            found[name] = files[0]
    return found


def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    try:
        asked = ["docker", "info"]
        return not subprocess.run(asked, capture_output=True, check=False, timeout=_ASK_TIMEOUT_S).returncode
    except subprocess.TimeoutExpired:
        return False

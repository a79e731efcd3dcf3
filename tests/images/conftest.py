"""Images to run, and a network for them to meet in."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from healthctl.embedded.waiting import wait_until

from tests.images.containers import Container, Pod, buildah

REGISTRY, TAG = os.environ.get("REGISTRY", "localhost"), os.environ.get("TAG", "dev")
_PROGRAMS = ("buildah", "curl", "ip", "nsenter", "runc", "unshare")

ImageRoot = Callable[[str], tuple[str, dict[str, Any]]]
Run = Callable[..., Container]
WaitFor = Callable[[Callable[[], bool], Container, float], None]


@pytest.fixture
def pod() -> Iterator[Pod]:
    """A network for containers to meet in."""
    script = "ip link set lo up && echo up && exec sleep infinity"
    with subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield Pod(process)
        process.kill()


@pytest.fixture(scope="session")
def image_root() -> Iterator[ImageRoot]:
    """Gives the root file system of an image, mounted, and the image's own configuration."""
    mounted: dict[str, tuple[str, dict[str, Any]]] = {}
    containers = []

    def mount(name: str) -> tuple[str, dict[str, Any]]:
        if name not in mounted:
            tag = f"{REGISTRY}/health-{name}:{TAG}"
            container = buildah("from", "--pull-never", tag)
            containers.append(container)
            config = json.loads(buildah("inspect", "--type", "image", tag))["OCIv1"]["config"]
            mounted[name] = (buildah("mount", container), config)
        return mounted[name]

    yield mount
    for container in containers:
        buildah("rm", container)


@pytest.fixture
def run_image(image_root: ImageRoot, pod: Pod, tmp_path: Path) -> Iterator[Run]:
    """Starts an image in the pod: ``run_image("producer", args=[...], env={...}, volumes={"/var/lib/kafka": folder})``.

    ``args`` stand in place of the image's own, as a pod's do.
    """
    started: list[Container] = []
    numbers = itertools.count(1)

    def run(
        name: str,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        volumes: Mapping[str, Path] | None = None,
    ) -> Container:
        root, config = image_root(name)
        bundle = tmp_path / f"{name}-{next(numbers)}-{os.getpid()}"
        bundle.mkdir()
        told = {"args": args, "env": env or {}, "volumes": volumes or {}, "network": pod.network}
        started.append(Container(bundle, root, config, told))
        return started[-1]

    yield run
    for container in started:
        container.remove()


@pytest.fixture
def wait_for() -> WaitFor:
    """Waits for a condition that a container must fulfil; fails with its log when it does not, or ends first."""

    def wait(condition: Callable[[], bool], container: Container, timeout: float = 60) -> None:
        met = wait_until(lambda: container.process.poll() is not None or condition(), timeout)
        assert met, container.log.read_text()
        assert container.process.poll() is None, container.log.read_text()

    return wait


@pytest.fixture(scope="session", autouse=True)
def _able() -> None:
    lacking = [program for program in _PROGRAMS if not shutil.which(program)]
    if os.geteuid() or lacking:
        pytest.skip(f"containers are run by root, with {', '.join(_PROGRAMS)}")

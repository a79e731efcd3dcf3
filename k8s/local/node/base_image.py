"""`health-base`: what our images are built on where no registry can be reached. Debian with Python 3.11 and Java 17.

debootstrap makes it from Debian's packages, in about two minutes, once: after that it lies in buildah's store.
"""

import subprocess
import tempfile
import time
from pathlib import Path

from node import debian
from node.errors import NodeError
from node.paths import CACHE
from node.process import logged, output, say
from node.versions import DEBIAN, HEALTH_BASE_IMAGE

PACKAGES = ("ca-certificates", "openjdk-17-jre-headless", "python3", "python3-venv", "tini")
# Not needed to run anything, and a fifth of the size.
LEFT_OUT = (
    "./dev/*", "./proc/*", "./sys/*", "./tmp/*", "./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*",
    "./usr/share/doc/*", "./usr/share/info/*", "./usr/share/locale/*", "./usr/share/man/*",
)  # fmt: skip
ENVIRONMENT = {"LANG": "C.UTF-8", "JAVA_HOME": "/usr/lib/jvm/default", "PYTHONDONTWRITEBYTECODE": "1"}
TIMEOUT = 20 * 60.0


def ensure() -> None:
    """Make the image unless buildah's store has it; its name is the last line printed."""
    debian.ensure_installed(debian.BASE_IMAGE_PROGRAMS)
    if not in_store(HEALTH_BASE_IMAGE):
        started = time.monotonic()
        say(f"making {HEALTH_BASE_IMAGE} from Debian's packages (about 2 min)")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="base-", dir=CACHE) as folder:
            _commit(_root_file_system(Path(folder)))
        say(f"  made in {time.monotonic() - started:.0f} s")
    say(HEALTH_BASE_IMAGE)


def in_store(image: str) -> bool:
    """Whether buildah's store has an image of this name."""
    command = ["buildah", "inspect", "--type", "image", image]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _root_file_system(folder: Path) -> Path:
    """An archive of the root file system."""
    root, archive = folder / "root", folder / "root.tar"
    # In a mount namespace of its own: debootstrap mounts /proc in there, which must not outlive it.
    bootstrap = ["unshare", "--mount", "nice", "-n", "10", "debootstrap", "--variant=minbase"]
    packages = f"--include={','.join(PACKAGES)}"
    what = "installing Debian's packages"
    logged(what, [*bootstrap, packages, DEBIAN, root, *_mirror()], CACHE / "logs" / "base-image.log", TIMEOUT)
    java = next((root / "usr/lib/jvm").glob("java-17-openjdk-*"), None)
    if java is None:
        raise NodeError("debootstrap ended well, but there is no Java 17 in what it made")
    (root / "usr/lib/jvm/default").symlink_to(java.name)  # the same path on every architecture
    left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    output(["tar", "--create", "--numeric-owner", *left_out, "--file", archive, "--directory", root, "."], TIMEOUT)
    return archive


def _mirror() -> list[str]:
    """The archive that this machine is configured for, when it is a Debian; else debootstrap knows one itself."""
    if "ID=debian" not in Path("/etc/os-release").read_text().splitlines():
        return []
    targets = output(["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {DEBIAN}", "Component: main"])
    return targets.split()[:1]


def _commit(archive: Path) -> None:
    container = output(["buildah", "from", "scratch"]).strip()
    try:
        output(["buildah", "add", "--quiet", container, archive, "/"], TIMEOUT)
        environment = [word for name, value in ENVIRONMENT.items() for word in ("--env", f"{name}={value}")]
        output(["buildah", "config", *environment, "--cmd", "/bin/bash", container])
        output(["buildah", "commit", "--quiet", container, HEALTH_BASE_IMAGE], TIMEOUT)
    finally:
        output(["buildah", "rm", container])

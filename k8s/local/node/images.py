"""Container images without a registry: made by buildah, handed to the node's containerd as archives."""

import tempfile
from pathlib import Path
from urllib.parse import quote

from node.build import binary
from node.errors import NodeError
from node.paths import CACHE, CONTAINERD_SOCKET, LOADED
from node.process import output
from node.versions import COREDNS_IMAGE, COREDNS_SERVER, PAUSE_IMAGE, PAUSE_PROGRAM, GoPart

IMPORT_TIMEOUT = 600.0
NOBODY = "65534:65534"
SYSTEM_PROGRAMS = ((PAUSE_PROGRAM, PAUSE_IMAGE), (COREDNS_SERVER, COREDNS_IMAGE))


def system_images() -> list[Path]:
    """The archives of the images that the node itself needs."""
    return [_archive(part) for part, _ in SYSTEM_PROGRAMS]


def ensure_system_images() -> None:
    """Make the archives that are missing: each an image with one static program in it and nothing else."""
    for part, image in SYSTEM_PROGRAMS:
        if not _archive(part).exists():
            _image_of_one_program(part, image)


def _archive(part: GoPart) -> Path:
    return binary(part).with_suffix(".oci.tar")


def _image_of_one_program(part: GoPart, image: str) -> None:
    with tempfile.TemporaryDirectory(prefix="health-node-image-") as folder:
        # A store of its own: nothing is left behind in the user's.
        buildah = ["buildah", "--storage-driver", "vfs", "--root", f"{folder}/root", "--runroot", f"{folder}/run"]
        container = output([*buildah, "from", "scratch"]).strip()
        output([*buildah, "copy", container, binary(part), f"/{part.name}"])
        output([*buildah, "config", "--user", NOBODY, "--entrypoint", f'["/{part.name}"]', container])
        output([*buildah, "commit", "--quiet", container, f"oci-archive:{folder}/image.tar:{image}"])
        unfinished = _archive(part).with_suffix(".unfinished")
        unfinished.write_bytes(Path(f"{folder}/image.tar").read_bytes())
        unfinished.rename(_archive(part))


def import_from_buildah(image: str) -> None:
    """Take an image from buildah's store into the node, unless it has it; NodeError when there is none of that name."""
    identity = output(["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}", image])
    loaded = LOADED / quote(image, safe="")
    if loaded.exists() and loaded.read_text() == identity:
        return
    with tempfile.TemporaryDirectory(
        prefix="image-", dir=CACHE
    ) as folder:  # gigabytes: not in /tmp, which may be memory
        archive = Path(folder) / "image.tar"
        # Docker's form of an archive keeps layers as they are; OCI's would compress them, five times slower.
        copy = ["skopeo", "copy", "--quiet", f"containers-storage:{image}", f"docker-archive:{archive}:{image}"]
        output(copy, IMPORT_TIMEOUT)
        import_archive(archive)
    LOADED.mkdir(exist_ok=True)
    loaded.write_text(identity)


def import_archive(archive: Path) -> None:
    """Give the node's containerd the images of an OCI or Docker archive, under the names they have in it."""
    if not archive.exists():
        raise NodeError(f"there is no archive {archive}")
    output(
        ["ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import", archive], IMPORT_TIMEOUT
    )

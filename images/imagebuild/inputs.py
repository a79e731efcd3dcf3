"""A fingerprint of what an image is made of, so that one that is there already is not looked at layer by layer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from imagebuild.table import Image
from imagebuild.workspace import members, with_needs

LABEL = "health-streaming.inputs"
_UNREAD = {"__pycache__", "README.md"}


def fingerprint(root: Path, image: Image, base: str) -> str:
    """Changes with every file that the build of the image may read, and with its base."""
    total = hashlib.sha256(f"{base} {image}".encode())
    for file in sorted(_files(root, image)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(root)} {file.stat().st_mode:o} {content}\n".encode())
    return total.hexdigest()[:16]


def _files(root: Path, image: Image) -> Iterator[Path]:
    workspace = members(root)
    yield root / "pyproject.toml"
    yield from (member.folder / "pyproject.toml" for member in workspace.values())
    folders = [root / "images"]
    if image.member:
        folders += [member.source for member in with_needs(image.member, workspace)]
    if image.folder != "service":  # jars, and how the embedded Kafka is run
        folders.append(workspace["healthctl"].source)
    for folder in folders:
        yield from (file for file in folder.rglob("*") if file.is_file() and not _UNREAD & {*file.parts})

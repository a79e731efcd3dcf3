"""Inside a build: our own code of one image, compiled. ``python -m imagebuild.sources CONTEXT IMAGE FOLDER``."""

from __future__ import annotations

import compileall
import py_compile
import shutil
import sys
from pathlib import Path

from imagebuild.table import images
from imagebuild.workspace import members, with_needs


def gather(root: Path, image: str, into: Path) -> None:
    """Copy an image's modules into a folder: those of its member and of the members that it needs, or its own."""
    member = images(root)[image].member
    folders = [each.source for each in with_needs(member, members(root))] if member else [root / "images" / image]
    for folder in folders:
        shutil.copytree(folder, into, dirs_exist_ok=True)
    # For good: the root file system of a container is read-only, and each start would compile everything anew.
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(into, quiet=1, invalidation_mode=unchecked):
        sys.exit(f"the sources of {image} do not compile")


if __name__ == "__main__":
    gather(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

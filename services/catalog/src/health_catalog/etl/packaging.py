"""What the jobs run: our own packages in one zip, and for each a script that starts it and what it needs beside.

The same source gives the same bytes, and these the same name.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from health_catalog.errors import CatalogError

PACKAGES = ("health_catalog", "health_events", "health_pipeline", "health_streaming")
_SCRIPT = "import sys\n\nfrom {} import main\n\nmain(sys.argv[1:])\n"
# Of a zip's entries, which would differ from one build to the next; no earlier one can be said.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Code:
    """An object in the lake's folder for code; its name says what is in it."""

    name: str
    body: bytes


@dataclass(frozen=True)
class Program:
    """What a job runs. ``requirements``: what Glue is to install beside, by hashes."""

    archive: Code
    script: Code
    requirements: Code

    @property
    def codes(self) -> tuple[Code, ...]:
        """All of it."""
        return (self.archive, self.script, self.requirements)


def programs() -> tuple[Program, Program]:
    """Of the transform and of the load. CatalogError where one of the packages is not installed."""
    files = {path: body for package in PACKAGES for path, body in _source(package).items()}
    ours = _named("packages", "zip", archive(files))
    return (
        _program("transform", "health_streaming.jobs.glue", ours),
        _program("load", "health_catalog.warehouse.glue", ours),
    )


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, by their paths in it; the same files make the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as into:
        for path, body in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            into.writestr(entry, body)
    return held.getvalue()


def _program(stem: str, module: str, ours: Code) -> Program:
    """The requirements are written by ``make lock``, so that they are those that are tested here."""
    requirements = resources.files("health_catalog.etl").joinpath("requirements", f"{stem}.txt").read_bytes()
    return Program(ours, _named(stem, "py", _SCRIPT.format(module).encode()), _named(stem, "txt", requirements))


def _source(package: str) -> dict[str, bytes]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CatalogError(f"{package} is not installed here: the transform is packaged in the image spark")
    root = Path(spec.submodule_search_locations[0])
    return {f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.py")}


def _named(stem: str, ending: str, body: bytes) -> Code:
    return Code(f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{ending}", body)

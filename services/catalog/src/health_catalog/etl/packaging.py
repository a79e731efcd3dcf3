"""What the jobs run: our own packages in one zip, and for each a script that starts it.

The same source gives the same bytes, and these the same name.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from health_catalog.errors import CatalogError

PACKAGES = ("health_catalog", "health_events", "health_pipeline", "health_streaming")
_SCRIPT = "import sys\n\nfrom {} import main\n\nmain(sys.argv[1:])\n"
# Of what these need, Glue 5.0 has boto3 and PySpark; its pyarrow is older than the one that reads our lake.
_MODULES = ("prometheus-client", "pyarrow")
# Its boto3 (1.34) knows no Parameters of BatchExecuteStatement, by which a load has its values.
_LOAD_MODULES = ("boto3", *_MODULES)
# Of a zip's entries, which would differ from one build to the next; no earlier one can be said.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Code:
    """An object in the lake's folder for code; its name says what is in it."""

    name: str
    body: bytes


@dataclass(frozen=True)
class Program:
    """What a job runs. ``modules``: what Glue is to install beside."""

    archive: Code
    script: Code
    modules: str


def programs() -> tuple[Program, Program]:
    """Of the transform and of the load. CatalogError where one of the packages is not installed."""
    files = {path: body for package in PACKAGES for path, body in _source(package).items()}
    ours = _named("packages", "zip", archive(files))
    return (
        Program(ours, _script("transform", "health_streaming.jobs.glue"), _modules(_MODULES)),
        Program(ours, _script("load", "health_catalog.warehouse.glue"), _modules(_LOAD_MODULES)),
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


def _script(stem: str, module: str) -> Code:
    return _named(stem, "py", _SCRIPT.format(module).encode())


def _modules(names: Sequence[str]) -> str:
    """In the versions that are tested here."""
    return ",".join(f"{name}=={version(name)}" for name in names)


def _source(package: str) -> dict[str, bytes]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CatalogError(f"{package} is not installed here: the transform is packaged in the image spark")
    root = Path(spec.submodule_search_locations[0])
    return {f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.py")}


def _named(stem: str, ending: str, body: bytes) -> Code:
    return Code(f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{ending}", body)

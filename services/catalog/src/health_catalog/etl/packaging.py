"""What the job runs: our own packages in one zip, and the script that starts them.

The same source gives the same bytes, and these the same name.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from health_catalog.errors import CatalogError

PACKAGES = ("health_catalog", "health_events", "health_pipeline", "health_streaming")
SCRIPT = b"import sys\n\nfrom health_streaming.jobs.glue import main\n\nmain(sys.argv[1:])\n"
# Of what these need, Glue 5.0 has boto3 and PySpark; its pyarrow is older than the one that reads our lake.
_MODULES = ("prometheus-client", "pyarrow")
# Of a zip's entries, which would differ from one build to the next; no earlier one can be said.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Code:
    """An object in the lake's folder for code; its name says what is in it."""

    name: str
    body: bytes


def packaged() -> tuple[Code, Code]:
    """The zip of our packages and the script. CatalogError where one of the packages is not installed."""
    files = {path: body for package in PACKAGES for path, body in _source(package).items()}
    return _named("transform", "zip", archive(files)), _named("transform", "py", SCRIPT)


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


def modules() -> str:
    """What Glue is to install beside, in the versions that are tested here."""
    return ",".join(f"{name}=={version(name)}" for name in _MODULES)


def _source(package: str) -> dict[str, bytes]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CatalogError(f"{package} is not installed here: the transform is packaged in the image spark")
    root = Path(spec.submodule_search_locations[0])
    return {f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.py")}


def _named(stem: str, ending: str, body: bytes) -> Code:
    return Code(f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{ending}", body)

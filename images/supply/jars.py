"""The jars of a lock as a CycloneDX document: ``python jars.py LOCK OUTPUT``.

A lock pins each jar by its sha256, which says exactly which file it is; by which group Maven knows it the lock does not
say, so the document does not either. Scanners find a jar by its checksum.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The version begins at the first hyphen that a digit follows: kafka_2.13-4.2.2, jakarta.ws.rs-api-3.1.0.
_NAME = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+-]*)\.jar")


@dataclass(frozen=True)
class Jar:
    """A file of a lock."""

    name: str
    version: str
    sha256: str


def jars(lock: str) -> list[Jar]:
    """What a lock pins (the format of sha256sum), in its order; ValueError for a line that is none."""
    return [_jar(line) for line in lock.splitlines() if line.strip()]


def _jar(line: str) -> Jar:
    digest, file = line.split()
    match = _NAME.fullmatch(file)
    if match is None:
        raise ValueError(f"not the name of a jar: {file}")
    return Jar(match["name"], match["version"], digest)


def document(name: str, pinned: Sequence[Jar]) -> str:
    """The CycloneDX document, as JSON."""
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415 (in no environment of ours but this one)
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.output import make_outputter  # noqa: PLC0415
    from cyclonedx.schema import OutputFormat, SchemaVersion  # noqa: PLC0415

    bom, whole = Bom(), Component(name=name, type=ComponentType.APPLICATION, bom_ref=name)
    bom.metadata.component = whole
    for jar in pinned:
        digest, kind = HashType(alg=HashAlgorithm.SHA_256, content=jar.sha256), ComponentType.LIBRARY
        bom.components.add(
            Component(name=jar.name, version=jar.version, type=kind, hashes=[digest], bom_ref=jar.sha256)
        )
    bom.register_dependency(whole, bom.components)
    written: str = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return written


def main(arguments: Sequence[str]) -> int:
    """Write the document of a lock."""
    lock, output = map(Path, arguments)
    output.write_text(document(f"health-streaming {lock.name.partition('.')[0]} jars", jars(lock.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Command line of ``images/build``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from imagebuild import engine, table
from imagebuild.engine import BuildError, Engine
from imagebuild.inputs import LABEL, fingerprint
from imagebuild.table import Image

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "images"
_NO_NEWS_S = 30.0


def main() -> None:
    """Build images, or write their locks."""
    arguments = _arguments()
    try:
        if arguments.lock:
            write_locks()
        else:
            build(arguments.names, arguments.registry, arguments.tag, arguments.base)
    except BuildError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def build(names: Sequence[str], registry: str, tag: str, base: str) -> None:
    """Build the images of these names, or all, as ``<registry>/health-<name>:<tag>``; BuildError when one fails."""
    chosen = choose(table.images(ROOT), names)
    by = engine.choose()
    if not base and not by.is_docker:
        base = _own_base()
    begin = time.monotonic()
    for number, image in enumerate(chosen, start=1):
        _build_one(by, image, f"{registry}/health-{image.name}:{tag}", base, f"{number} of {len(chosen)}")
    _say(f"{len(chosen)} images in {time.monotonic() - begin:.0f} s, by {by.program}")


def choose(there: dict[str, Image], names: Sequence[str]) -> list[Image]:
    """The images of these names, all when there are none; BuildError for one that there is not."""
    unknown = sorted(set(names) - set(there))
    if unknown:
        raise BuildError(f"no image {', '.join(unknown)}; there are {', '.join(sorted(there))}")
    return [image for name, image in there.items() if not names or name in names]


def write_locks() -> None:
    """Write the locks of images and Glue jobs, and remove those of images that are gone."""
    locks = table.locks(ROOT)
    folder = ROOT / "images" / "requirements"
    folder.mkdir(exist_ok=True)
    for stale in set(folder.glob("*.lock")) - locks.keys():
        stale.unlink()
    for path, text in locks.items():
        path.write_text(text)
    _say(f"{len(locks)} locks in {folder.relative_to(ROOT)} and {table.OF_GLUE_JOBS}")


def _build_one(by: Engine, image: Image, name: str, base: str, place: str) -> None:
    inputs = fingerprint(ROOT, image, f"{base} {by.identity(base) if base else ''}")
    if by.label(name, LABEL) == inputs:
        _say(f"{name} is as it should be ({place})")
        return
    _say(f"building {name} ({place})")
    arguments = image.build_arguments | ({"BASE": base} if base else {})
    dockerfile = ROOT / "images" / image.folder / "Dockerfile"
    log = LOGS / f"{image.name}.log"
    begin = time.monotonic()
    if _run(by.command(dockerfile, name, arguments, (LABEL, inputs), ROOT), log, image.name):
        told = [line for line in log.read_text().splitlines() if line.strip()]
        raise BuildError(f"{name} cannot be built: {_cause(told)} (whole log: {log.relative_to(ROOT)})")
    _say(f"  {image.name}: {time.monotonic() - begin:.0f} s, {by.size_mb(name)} MB")


def _run(command: Sequence[str], log: Path, name: str) -> int:
    """Run it with its output in the log, and a sign of life now and then; its exit code."""
    LOGS.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        while True:
            try:
                return process.wait(_NO_NEWS_S)
            except subprocess.TimeoutExpired:
                _say(f"  {name}: {time.monotonic() - begin:.0f} s so far")


def _cause(lines: Sequence[str]) -> str:
    """The line that tells why; engines end with lines that only say that something failed."""
    telling = [line for line in lines if line.lower().startswith("error") and "exit status" not in line]
    return (telling or list(lines) or ["it said nothing"])[-1].strip()


def _own_base() -> str:
    """The base that needs no registry, made when it is not there yet."""
    command = [sys.executable, str(ROOT / "k8s" / "local" / "nodectl"), "base-image"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        name = ""
        for line in process.stdout or ():
            name = line.strip()
            _say(name)
    if process.returncode or not name:
        raise BuildError("the base image cannot be made, see above")
    return name


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (it is a command)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="images/build", description="Build the images with Docker or buildah.")
    parser.add_argument("names", nargs="*", metavar="IMAGE", help="by default all")
    parser.add_argument("--registry", default="localhost", help="what their names begin with (default: %(default)s)")
    parser.add_argument("--tag", default="dev", help="default: %(default)s")
    base = "an image with Python 3.11 (default: what the Dockerfiles say; with buildah one of Debian's packages)"
    parser.add_argument("--base", default="", help=base)
    parser.add_argument("--lock", action="store_true", help="write images/requirements anew from requirements.lock")
    return parser.parse_args()

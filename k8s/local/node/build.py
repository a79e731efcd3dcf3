"""Build the node's programs from Go modules, once per version, into the user's cache.

The ordinary go command does it, with whatever module proxy it is configured for; it checks every module's hash. Each
program is built as a module that depends on the one wanted, because `go install module@version` refuses modules with
replace directives. The dependency's own requirements are taken over, so each program has the versions its authors
released it with.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from node.errors import NodeError
from node.paths import CACHE, GO_SOURCES
from node.process import logged, output, say
from node.versions import GoPart

GO_BUILD = ("nice", "-n", "10", "go", "build")
BUILD_TIMEOUT = 40 * 60.0
GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -trimpath -buildvcs=false", "GOWORK": "off"}


def binary(part: GoPart) -> Path:
    """Where the program of `part` is, built or not. The folder's name changes with version, flags and our source."""
    recipe = repr(part) + (GO_SOURCES / part.main / "main.go").read_text() if part.main else repr(part)
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:8]
    return CACHE / "bin" / f"{part.name}-{part.version}-{digest}" / part.name


def ensure_built(parts: tuple[GoPart, ...]) -> None:
    """Build what is missing; say what and about how long."""
    missing = [part for part in parts if not binary(part).exists()]
    if missing and shutil.which("go") is None:
        raise NodeError("Go is needed to build the node (1.26 or newer, on the PATH)")
    for number, part in enumerate(missing, 1):
        say(
            f"building {part.name} {part.version} ({number} of {len(missing)}, about {part.minutes:g} min on two cores)"
        )
        started = time.monotonic()
        _build(part)
        say(f"  {part.name} built in {time.monotonic() - started:.0f} s")


def _build(part: GoPart) -> None:
    target = binary(part)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="health-node-build-") as folder:
        work = Path(folder)
        (work / "go.mod").write_text(_module_file(part))
        if part.main:
            shutil.copy(GO_SOURCES / part.main / "main.go", work)
        elif part.module:  # a main package of the dependency: name it, so that go knows the module is used
            (work / "tools.go").write_text(f'//go:build tools\n\npackage tools\n\nimport _ "{part.package}"\n')
        unfinished = target.with_suffix(f".{os.getpid()}")
        command = [*GO_BUILD, "-ldflags", part.ldflags, "-o", str(unfinished), part.package or "."]
        log = CACHE / "logs" / f"build-{part.name}.log"
        logged(f"building {part.name}", command, log, BUILD_TIMEOUT, env=GO_ENVIRONMENT, cwd=work)
        unfinished.rename(target)  # a build that was cut short leaves no program


def _module_file(part: GoPart) -> str:
    """The go.mod of the build."""
    lines = ["module health-node-build", ""]
    if not part.module:
        return "\n".join([*lines, "go 1.24", ""])
    theirs = json.loads(output(["go", "mod", "edit", "-json", source(part) / "go.mod"]))
    staging = _staging_version(part)
    local = {replace["Old"]["Path"] for replace in theirs.get("Replace") or () if "Version" not in replace["New"]}
    lines += [f"go {theirs['Go']}", "", "require (", f"\t{part.module} {part.version}"]
    lines += [f"\t{need['Path']} {_released(need, local, staging)}" for need in theirs["Require"]]
    lines += [")", "", "replace ("]
    replacements = [_replacement(replace, staging) for replace in theirs.get("Replace") or ()]
    return "\n".join([*lines, *filter(None, replacements), ")", ""])


def source(part: GoPart) -> Path:
    """The unpacked module of `part` (also charts lie in there), downloaded if need be."""
    found = output(["go", "mod", "download", "-json", f"{part.module}@{part.version}"], timeout=600)
    return Path(json.loads(found)["Dir"])


def _staging_version(part: GoPart) -> str | None:
    """Kubernetes v1.X.Y keeps the code of its libraries and publishes each of them as v0.X.Y."""
    return "v0." + part.version.removeprefix("v1.") if part.module == "k8s.io/kubernetes" else None


def _released(need: dict[str, Any], local: set[str], staging: str | None) -> str:
    return staging if staging and need["Path"] in local else str(need["Version"])


def _replacement(replace: dict[str, Any], staging: str | None) -> str | None:
    """A replacement by another release is kept; one by a relative folder means that module's published release."""
    old, new = replace["Old"]["Path"], replace["New"]
    if "Version" in new:
        return f"\t{old} => {new['Path']} {new['Version']}"
    return f"\t{old} => {old} {staging}" if staging else None

"""Whatever a make target installs for itself is pinned by hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILES = [ROOT / "Makefile", *(path for folder in ("images", "k8s", "tests", "charts") for path in
                                  (ROOT / folder).rglob("*.mk"))]  # fmt: skip
# The one that installs all others; its version is pinned.
BOOTSTRAP = "uv==$(UV_VERSION)"
INSTALLS = [
    line.strip()
    for path in MAKEFILES
    for line in path.read_text().splitlines()
    if re.search(r"\bpip (install|sync)\b", line) and BOOTSTRAP not in line and "-e ," not in line
]
LOCKS = sorted({ROOT / name for line in INSTALLS for name in re.findall(r"\S+\.lock\b", line)})


@pytest.mark.parametrize("line", INSTALLS)
def test_it_is_installed_by_hash(line: str) -> None:
    assert "--require-hashes" in line
    assert ".lock" in line


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_lock_has_a_hash_for_each(lock: Path) -> None:
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", lock.read_text()))
    named = [entry for entry in entries if entry.strip()]
    assert named
    assert [entry for entry in named if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", [path for path in LOCKS if path.with_suffix(".in").exists()],
                         ids=lambda path: path.relative_to(ROOT).as_posix())  # fmt: skip
def test_a_lock_has_what_is_asked_for(lock: Path) -> None:
    asked = [line for line in lock.with_suffix(".in").read_text().split("\n") if line and not line.startswith("#")]
    locked = re.findall(r"(?m)^([A-Za-z0-9._-]+==\S+)", lock.read_text())
    names = {each.partition("==")[0] for each in locked}
    assert [each for each in asked if each not in locked and each not in names] == []

"""The workspace as its pyproject files tell it: which of our packages needs which."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Member:
    """A distribution of ours. ``needs`` are the names of the members that it depends on, itself left out."""

    name: str
    folder: Path
    needs: tuple[str, ...]

    @property
    def source(self) -> Path:
        """The folder that holds its packages."""
        return self.folder / "src"

    @property
    def service(self) -> str:
        """The module that ``python -m`` runs when it is one of the path's services, else empty."""
        found = sorted(path.parent.name for path in self.source.glob("health_*/__main__.py"))
        return found[0] if found else ""


def members(root: Path) -> dict[str, Member]:
    """All members of the workspace at ``root``, by name."""
    patterns = _read(root / "pyproject.toml")["tool"]["uv"]["workspace"]["members"]
    folders = sorted({file.parent for pattern in patterns for file in root.glob(f"{pattern}/pyproject.toml")})
    projects = {folder: _read(folder / "pyproject.toml")["project"] for folder in folders}
    names = {project["name"] for project in projects.values()}
    return {
        project["name"]: Member(project["name"], folder, tuple(sorted(names & _required(project["dependencies"]))))
        for folder, project in projects.items()
    }


def with_needs(name: str, among: Mapping[str, Member]) -> list[Member]:
    """A member and all members that it depends on, by name."""
    found: dict[str, Member] = {}
    waiting = [name]
    while waiting:
        member = among[waiting.pop()]
        if member.name not in found:
            found[member.name] = member
            waiting += member.needs
    return [found[each] for each in sorted(found)]


def _required(dependencies: Iterable[str]) -> set[str]:
    return {match[0] for match in map(_NAME.match, dependencies) if match}


def _read(file: Path) -> dict[str, dict]:  # type: ignore[type-arg]
    return tomllib.loads(file.read_text())

"""A missing or wrong prerequisite gives one clear line that says what to do, and nothing else happens."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "grep", "head")


def make(target: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make with nothing on the PATH but ``path``."""
    env = {"PATH": str(path), **{key: value for key, value in os.environ.items() if key in ("HOME", "LANG")}}
    arguments = [f"{key}={value}" for key, value in variables.items()]
    command = ["/usr/bin/make", "-s", target, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder with the few tools that the checks themselves need."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    return tmp_path


def fake(path: Path, name: str, prints: str) -> None:
    tool = path / name
    tool.write_text(f"#!/bin/bash\n[[ $1 == -c ]] || echo '{prints}' >&2\nexit 1\n")
    tool.chmod(0o755)


def said(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that was said; make's own line about the failed target left out."""
    assert result.returncode != 0
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("make: ***")]
    return line


def test_no_python(bare_path: Path) -> None:
    assert "Python 3.11 is needed" in said(make("prerequisites", bare_path, PYTHON="python3.11"))


def test_python_of_another_version(bare_path: Path) -> None:
    fake(bare_path, "python3.12", "Python 3.12.1")
    line = said(make("prerequisites", bare_path, PYTHON="python3.12"))
    assert "Python 3.11 is needed" in line
    assert "3.12.1" in line


def test_no_java(bare_path: Path) -> None:
    assert "Java 17 is needed" in said(make("java", bare_path))


def test_java_of_another_version(bare_path: Path) -> None:
    fake(bare_path, "java", 'openjdk version "21.0.1" 2023-10-17')
    line = said(make("java", bare_path))
    assert "Java 17 is needed" in line
    assert "21.0.1" in line

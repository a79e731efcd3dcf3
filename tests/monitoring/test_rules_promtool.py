"""What promtool says of the rules, as they are in the chart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.monitoring.programs import program

HERE = Path(__file__).parent
FILES = sorted((HERE.parents[1] / "charts" / "health-monitoring" / "files" / "rules").glob("*.yaml"))
CASES = sorted((HERE / "rules").glob("*.yaml"))


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """How it ended and what it said."""
    command = [str(program("promtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_of_rules_has_no_fault(path: Path) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_resolve(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr

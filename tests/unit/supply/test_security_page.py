"""SECURITY.md names a test for each threat, and each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "SECURITY.md").read_text()


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[^`:]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 25
    for path, function in named:
        text = (ROOT / path).read_text()
        assert f"def {function or 'test_'}" in text, (path, function)


def test_every_threat_has_a_guard_and_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| threat"))]
    assert len(rows) > 12
    for row in rows:
        _, threat, guard, test, _ = map(str.strip, row.split("|"))
        assert threat, row
        assert guard, row
        assert "`tests/" in test, row

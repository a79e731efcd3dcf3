"""SECURITY.md names a test for each threat, and each test that a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "SECURITY.md").read_text()


@pytest.mark.parametrize(("page", "least"), [("SECURITY.md", 25), ("k8s/aws/README.md", 20)])
def test_every_test_that_is_named_is_there(page: str, least: int) -> None:
    named = re.findall(r"`(tests/[^`:]+\.py)(?:::(\w+))?`", (ROOT / page).read_text())
    assert len(named) > least
    for path, function in named:
        text = (ROOT / path).read_text()
        assert re.search(rf"def {function}\(" if function else r"def test_|TestCase", text), (path, function)


def test_every_threat_has_a_guard_and_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| threat"))]
    assert len(rows) > 12
    for row in rows:
        _, threat, guard, test, _ = map(str.strip, row.split("|"))
        assert threat, row
        assert guard, row
        assert "`tests/" in test, row

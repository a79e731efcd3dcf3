"""The page that explains conditions and events knows each of them, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from health_operator import naming
from health_operator.reasons import ConditionType, Note, Reason

PAGE = (Path(__file__).parents[3] / "operator" / "CONDITIONS.md").read_text()
CONDITIONS, EVENTS = PAGE.split("\n## Events\n")


def rows(text: str) -> list[list[str]]:
    """The cells of every row that begins with a reason."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| `.*$", text, re.M)]


def test_every_reason_is_explained_once_with_something_to_do() -> None:
    explained = rows(CONDITIONS)
    assert sorted(row[0].strip("`") for row in explained) == sorted(reason.value for reason in Reason)
    assert all(len(row) == 3 and all(row) for row in explained)


def test_every_event_is_explained_once() -> None:
    explained = rows(EVENTS)
    assert sorted(row[0].strip("`") for row in explained) == sorted(note.value for note in Note)
    assert all(len(row) == 2 and all(row) for row in explained)


def test_every_condition_is_explained() -> None:
    named = re.findall(r"^\| (\w+) \| ", CONDITIONS.split("## Reasons")[0], re.M)
    assert named == ["condition", *(kind.value for kind in ConditionType)]


def test_annotations_on_the_page_are_those_of_the_code() -> None:
    known = {naming.PAUSED, naming.APPROVED, naming.ROLLBACK}
    assert set(re.findall(r"health-streaming\.com/[a-z-]+", PAGE)) <= known


@pytest.mark.parametrize("member", [*Reason, *Note])
def test_every_reason_is_given_somewhere(member: Reason | Note) -> None:
    used = f"{type(member).__name__}.{member.name}"
    assert any(used in path.read_text() for path in Path(naming.__file__).parent.glob("*.py")), used

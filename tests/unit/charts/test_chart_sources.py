"""What is written twice in a chart is the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from imagebuild.table import images

from charts.sync import CHARTS, documented, wanted

WANTED = wanted()
PARENTS = {"global", "enabled"}
NAMES = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml"))


@pytest.mark.parametrize("path", WANTED, ids=lambda path: str(path.relative_to(CHARTS.parent)))
def test_what_is_copied_is_as_its_source(path: Path) -> None:
    assert path.read_text() == WANTED[path], "run make charts-sync"


@pytest.mark.parametrize("chart", NAMES)
def test_the_schema_allows_the_defaults_and_knows_nothing_else(chart: str) -> None:
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    for path, known in _objects(schema, values):
        assert known["additionalProperties"] is False, path
        given = PARENTS if not path else set()  # what a chart gives to those that are parts of it
        assert known["properties"].keys() - given == _at(values, path).keys() - given


def test_a_digest_can_be_given_of_every_image_that_the_operator_uses() -> None:
    schema = json.loads((CHARTS / "health-operator" / "values.schema.json").read_text())
    named = schema["properties"]["images"]["properties"]["digests"]["propertyNames"]["enum"]
    assert set(named) == {image for image in images(CHARTS.parent) if not image.startswith("dev-")}


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ("# Nothing about it.\n\n# One\n# line\na: 1\n", [("a", "1", "One line")]),
        ("a:\n  # Of b\n  b: {c: x}\n  # Of d\n  d: []\n", [("a.b", '{"c": "x"}', "Of b"), ("a.d", "[]", "Of d")]),
        ("# All\na:\n  b: 1\n  c: 2\n", [("a", '{"b": 1, "c": 2}', "All")]),
    ],
)
def test_values_are_documented_by_the_comments_above_them(values: str, rows: list[tuple[str, str, str]]) -> None:
    assert list(documented(values)) == rows


def test_a_value_without_a_comment_is_named() -> None:
    with pytest.raises(ValueError, match=r"^a\.c has no comment$"):
        list(documented("a:\n  # Of b\n  b: 1\n\n  c: 2\n"))


def _objects(schema: dict[str, Any], values: dict[str, Any]) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every object of the schema whose members are fixed, with the path to it."""
    found: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    waiting = [((), schema)]
    while waiting:
        path, known = waiting.pop()
        if known.get("type") == "object" and "properties" in known and _at(values, path):
            found.append((path, known))
            waiting += [((*path, name), below) for name, below in known["properties"].items() if name != "global"]
    return found


def _at(values: dict[str, Any], path: tuple[str, ...]) -> Any:
    """What is at a path of the values."""
    value: Any = values
    for name in path:
        value = value[name]
    return value

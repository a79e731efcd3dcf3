"""Writes into the charts what is said elsewhere: the definition of HealthPipeline, dashboards, tables of values.

``python -m charts.sync`` writes; tests hold what is there against what would be written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from charts.dashboards import rendered

CHARTS = Path(__file__).parent
DEFINITION = CHARTS.parent / "k8s" / "crds" / "healthpipelines.health-streaming.com.yaml"
# Where the operator finds what it makes a pipeline's own dashboard from.
MANIFESTS = CHARTS.parent / "operator" / "src" / "health_operator" / "manifests"
BEGIN, END = "<!-- values: written by make charts-sync -->", "<!-- /values -->"


def main() -> None:
    """Write what has changed."""
    for path, text in wanted().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def wanted() -> dict[Path, str]:
    """Every file that is written here, with what it must hold."""
    files = {CHARTS / "health-operator" / "files" / DEFINITION.name: DEFINITION.read_text()}
    boards = CHARTS / "health-monitoring" / "files" / "dashboards"
    files |= {boards / name: text for name, text in rendered().items()}
    files[MANIFESTS / "pipeline.json"] = rendered()["pipeline.json"]
    for readme in CHARTS.glob("*/README.md"):
        values = readme.with_name("values.yaml")
        before, _begin, rest = readme.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        files[readme] = f"{before}{BEGIN}\n{table(values.read_text())}{END}{after}"
    return files


def table(values: str) -> str:
    """The table in Markdown of a values.yaml in which every value has a comment above it."""
    rows = [f"| `{name}` | `{default}` | {doc} |\n" for name, default, doc in documented(values)]
    return "".join(["| value | default | |\n", "| --- | --- | --- |\n", *rows])


def documented(values: str) -> Iterator[tuple[str, str, str]]:
    """(dotted name, default as JSON, comment) of each value. ValueError for one without a comment.

    An object that has a comment is one value; without, each of its members is.
    """
    root = yaml.compose(values, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("the values are no object")
    yield from _members(root, values.splitlines(), "")


def _members(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        name = prefix + key.value
        comment = _comment_above(lines, key.start_mark.line)
        if comment:
            default = yaml.safe_load(yaml.serialize(value))
            yield name, json.dumps(default), comment
        elif isinstance(value, yaml.MappingNode):
            yield from _members(value, lines, f"{name}.")
        else:
            raise ValueError(f"{name} has no comment")


def _comment_above(lines: list[str], line: int) -> str:
    found: list[str] = []
    for text in reversed(lines[:line]):
        if not text.lstrip().startswith("# "):
            break
        found.insert(0, text.lstrip().removeprefix("# "))
    return " ".join(found)


if __name__ == "__main__":
    main()

"""The dashboards as the chart ships them, with their variables filled in as a reader would choose."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.monitoring.server import EVERY_S
from tests.monitoring.system import NAMESPACE, document

FOLDER = Path(__file__).parents[2] / "charts" / "health-monitoring" / "files" / "dashboards"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}

_VALUES = {
    "$__rate_interval": f"{8 * EVERY_S}s",
    "$pipeline": document()["metadata"]["name"],
}
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


@dataclass(frozen=True)
class Asked:
    """A query of a dashboard. ``label``: it is a variable's, which wants the values of that label."""

    where: str
    expr: str
    label: str = ""

    def __str__(self) -> str:
        return self.where


def filled_in(expr: str, namespace: str = NAMESPACE) -> str:
    """A query with the variables' values, of the pipeline of that namespace."""
    for variable, value in (_VALUES | {"$namespace": namespace}).items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr


def asked(namespace: str = NAMESPACE) -> list[Asked]:
    """Every query of every panel and variable."""
    found = [
        Asked(f"{name}: {panel['title']} {target['refId']}", filled_in(target["expr"], namespace))
        for name, board in BOARDS.items()
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
    for name, board in BOARDS.items():
        for variable in board["templating"]["list"]:
            match = _LABEL_VALUES.fullmatch(str(variable["query"]))
            if match:
                found.append(Asked(f"{name}: ${variable['name']}", filled_in(match[1], namespace), match[2]))
    return found
